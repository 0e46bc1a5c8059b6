"""Which door, how protected: T130."""

import ssl

import pytest

from server.config import Settings
from server.net.tls import ensure_certificate
from webmail import doors


def test_a_trial_needs_no_tls(tmp_path):
    settings = Settings(data=tmp_path)
    assert (doors.imap(settings).port, doors.imap(settings).protection) == (2143, "none")
    assert (doors.submission(settings).port, doors.submission(settings).protection) == (2587, "none")


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.1"])
def test_our_own_server_beyond_this_machine_is_reached_by_tls_and_by_its_own_certificate(tmp_path, bind):
    settings = Settings(data=tmp_path, bind=bind)
    ensure_certificate(settings, "mail.lin.example")
    for door, port in ((doors.imap(settings), 2993), (doors.submission(settings), 2465)):
        assert (door.port, door.protection) == (port, "implicit")
        assert door.context.verify_mode is ssl.CERT_REQUIRED
        assert [dict(part[0] for part in c["subject"])["commonName"] for c in door.context.get_ca_certs()] in (
            [],
            ["mail.lin.example"],
        )


def test_without_our_certificate_there_is_no_door(tmp_path):
    with pytest.raises(OSError):
        doors.imap(Settings(data=tmp_path, bind="0.0.0.0"))


@pytest.mark.parametrize(
    ("server", "protection"),
    [("imap.far.test:143", "starttls"), ("imap.far.test:993", "implicit"), ("127.0.0.1:143", "none")],
)
def test_a_foreign_server(tmp_path, server, protection):
    door = doors.imap(Settings(data=tmp_path, imap_server=server))
    assert door.protection == protection
    if protection != "none":
        assert door.context.check_hostname
        assert door.context.verify_mode is ssl.CERT_REQUIRED
