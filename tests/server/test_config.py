from pathlib import Path

import pytest

from server.config import Ports, SettingError, Settings, load


def settings(tmp_path: Path, environ=None, **options):
    return load(tmp_path, environ=environ or {}, options=options)


def test_a_trial_listens_on_loopback_at_the_standard_ports_plus_2000(tmp_path):
    found = settings(tmp_path)
    assert found.ports == Ports(2025, 2024, 2587, 2465, 2143, 2993, 2110, 2995, 8080)
    assert found.is_loopback


def test_later_sources_win(tmp_path):
    (tmp_path / "posthouse.toml").write_text(
        'web_port = 1\nport_offset = 2\n[limits]\nrecipients = 7\n[routes]\n"a.example" = "127.0.0.1:99"\n'
    )
    found = settings(
        tmp_path,
        {"POSTHOUSE_PORT_OFFSET": "3", "POSTHOUSE_WEB_PORT": "4", "POSTHOUSE_LIMITS_RECEIVED_HOPS": "9"},
        web_port=5,
    )
    assert (found.web_port, found.port_offset) == (5, 3)
    assert (found.limits.recipients, found.limits.received_hops) == (7, 9)
    assert found.routes == {"a.example": "127.0.0.1:99"}


def test_a_switch(tmp_path):
    assert settings(tmp_path).imap_unauthenticate
    assert not settings(tmp_path, imap_unauthenticate=False).imap_unauthenticate
    assert not settings(tmp_path, {"POSTHOUSE_IMAP_UNAUTHENTICATE": "false"}).imap_unauthenticate


def test_other_variables_are_nobodys_business(tmp_path):
    assert settings(tmp_path, {"POSTHOUSE_CORPORA": "/x", "HOME": "/y"}).web_port == 8080


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"bind": "localhost"}, "bind"),
        ({"web_port": "http"}, "web_port"),
        ({"web_port": 70000}, "web_port"),
        ({"port_offset": 65000}, "port_offset"),
        ({"smarthost": "relay"}, "smarthost"),
        ({"message_size_limit": 5}, "message_size_limit"),
        ({"log_level": "loud"}, "log_level"),
        ({"imap_unauthenticate": "perhaps"}, "imap_unauthenticate"),
        ({"imap_unauthenticate": 1}, "imap_unauthenticate"),
        ({"no_such": 1}, "no_such"),
        ({"limits": {"no_such": 1}}, "limits.no_such"),
        ({"routes": {"a.example": "nowhere"}}, "routes.a.example"),
    ],
)
def test_a_bad_value_names_key_value_and_remedy(tmp_path, given, key):
    with pytest.raises(SettingError) as caught:
        settings(tmp_path, **given)
    assert caught.value.key == key
    assert key in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"web_port = ", b"\xff\xfe", b"routes = 3"])
def test_a_bad_file_is_named(tmp_path, content):
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    with pytest.raises(SettingError):
        load(tmp_path, file=file, environ={}, options={})


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path):
    with pytest.raises(SettingError, match=r"none\.toml"):
        load(tmp_path, file=tmp_path / "none.toml", environ={}, options={})


def test_secrets_are_not_in_the_text_of_settings(tmp_path):
    assert "hush" not in repr(settings(tmp_path, smarthost_password="hush"))


@pytest.mark.parametrize(
    ("given", "trial"),
    [
        ({}, True),
        ({"bind": "0.0.0.0"}, False),
        ({"base_url": "https://mail.example"}, False),
        ({"trusted_proxies": ("127.0.0.1",)}, False),
    ],
)
def test_behind_a_proxy_is_no_trial(tmp_path, given, trial):
    """T051: what is bound to loopback may still be used by people from everywhere."""
    found = Settings(data=tmp_path, **given)
    assert found.is_trial is trial
