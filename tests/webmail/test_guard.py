import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import Settings
from webmail import setup_state
from webmail.guard import PUBLIC_ENDPOINTS, host_allowed, own_path

PUBLIC_PATHS = {
    "/mail/sign-in",
    "/mail/sign-in/code",
    "/mail/language",
    "/mail/look",
    "/healthz",
    "/mail/static/<path:filename>",
}
SIGNED_PATHS = {"/mail/proxy/<token>"}
"""Opened by a signature in the address: a sandboxed frame has no cookies to send."""


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example/mail/",
        "%2f%2fevil.example",
        "/%2fevil.example",
        "/mail/\\evil",
        "/mail/\t/evil",
        "/mail/\n",
        "javascript:alert(1)",
        "mail/box",
        "",
        None,
        "/elsewhere",
        "/mail/" + "x" * 3_000,
    ],
)
def test_only_own_paths_are_followed(target):
    """security.md T063."""
    assert own_path(target) is None


def test_an_own_path_is_followed_with_its_query():
    assert own_path("/mail/search?q=a&in=INBOX") == "/mail/search?q=a&in=INBOX"


@given(st.text())
def test_what_is_followed_never_leaves_the_site(target):
    followed = own_path("/mail/" + target)
    assert followed is None or (followed.startswith("/mail/") and "\\" not in followed and followed.isprintable())


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_sign_in_does_not_lead_away(visitor, address):
    visitor.get("/mail/sign-in", query_string={"next": address})
    assert "evil" not in visitor.page.text
    response = visitor.post("/mail/sign-in", name="iris@lin.example", password="correct horse battery", next=address)
    assert response.headers["Location"] == "/mail/"


def test_every_route_asks_for_a_session(app, new_visitor):
    """A new route is closed until it is on the public list."""
    for rule in app.url_map.iter_rules():
        if (
            rule.rule in PUBLIC_PATHS | SIGNED_PATHS
            or rule.rule.startswith("/mail/setup")
            or rule.endpoint in ("root", "root_mail")
        ):
            continue
        path = rule.rule
        for name, converter in rule._converters.items():
            sample = {"IntegerConverter": "1", "UUIDConverter": "1"}.get(type(converter).__name__, "INBOX")
            path = path.replace(next(p for p in path.split("/") if p.endswith(f":{name}>") or p == f"<{name}>"), sample)
        methods = rule.methods & {"GET", "POST", "PUT", "DELETE", "PATCH"}
        for method in methods:
            visitor = new_visitor(app)
            visitor.get("/mail/sign-in")
            response = visitor.client.open(path, method=method, headers={"X-CSRFToken": visitor.csrf})
            assert response.status_code in (302, 401), (method, path, response.status_code)
            if response.status_code == 302:
                assert response.headers["Location"].startswith("/mail/sign-in")


def test_the_public_list_is_short():
    assert len(PUBLIC_ENDPOINTS) <= 7


def test_every_change_wants_a_token(app, iris):
    """security.md T057: enumerated, with no token and with one of another session."""
    for rule in app.url_map.iter_rules():
        methods = rule.methods & {"POST", "PUT", "DELETE", "PATCH"}
        if not methods or rule.rule.startswith("/mail/setup"):
            continue
        path = rule.rule.replace("<int:", "<").split("<")[0] if "<" in rule.rule else rule.rule
        if "<" in rule.rule:
            continue
        for method in methods:
            for headers in ({}, {"X-CSRFToken": "IjEi.bogus"}):
                response = iris.client.open(path, method=method, headers=headers)
                assert response.status_code == 400, (method, path, headers, response.status_code)


def test_a_token_of_another_session_is_worth_nothing(app, iris, new_visitor):
    other = new_visitor(app)
    other.sign_in("mia@lin.example", "another password")
    other.get("/mail/settings/general")
    response = iris.client.post("/mail/settings/devices/end-others", data={"csrf_token": other.csrf})
    assert response.status_code == 400


def test_pages_carry_the_policy(iris):
    """security.md T067, T068."""
    for path in ("/mail/settings/general", "/mail/settings/devices", "/mail/accounts/", "/mail/nowhere"):
        headers = iris.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_pages_hold_nothing_inline(iris):
    """What the policy forbids must not be in the page at all."""
    for path in ("/mail/settings/general", "/mail/settings/devices", "/mail/accounts/", "/mail/accounts/add/"):
        text = iris.get(path).text
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert all("src=" in tag for tag in text.split("<script")[1:])


def test_built_files_stay_for_ever(iris):
    path = iris.get("/mail/settings/general").text.split('rel="stylesheet" href="')[1].split('"')[0]
    response = iris.client.get(path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    response.close()


def test_a_missing_file_does_not(iris):
    assert iris.client.get("/mail/static/build/app-OLD.css").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("mail.lin.example", True),
        ("post.lin.example", True),
        ("evil.example", False),
        ("", False),
        ("mail.lin.example.evil.example", False),
        ("x" * 300, False),
    ],
)
def test_host_header(tmp_path, host, fine):
    """security.md T064."""
    settings = Settings(data=tmp_path, base_url="https://post.lin.example/")
    assert host_allowed(host, settings, "mail.lin.example", fresh=False) is fine


def test_a_foreign_host_gets_no_page(visitor):
    response = visitor.get("/mail/sign-in", headers={"Host": "evil.example"})
    assert response.status_code == 421
    assert "password" not in response.text


def test_strict_transport_only_over_tls(visitor):
    assert "Strict-Transport-Security" not in visitor.get("/mail/sign-in").headers
    assert "Strict-Transport-Security" in visitor.get("/mail/sign-in", base_url="https://localhost").headers


def test_partials_are_told_to_go_to_the_sign_in(visitor):
    response = visitor.get("/mail/accounts/", headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/mail/sign-in"


def test_only_letters_may_be_large(app, settings):
    """Whoever is not signed in, or not writing, cannot fill the memory."""
    assert app.config["MAX_CONTENT_LENGTH"] < settings.message_size_limit / 10


@pytest.mark.parametrize(
    ("options", "host", "fine"),
    [
        # On this machine alone the wizard asks for no code, so nobody's name server may lead a browser to it.
        ({}, "rebound.example", False),
        ({}, "localhost", True),
        ({}, "127.0.0.1", True),
        ({"bind": "0.0.0.0"}, "mail.example", True),
        ({"trusted_proxies": ("127.0.0.1",)}, "mail.example", True),
        ({"trusted_proxies": ("127.0.0.1",)}, "mail.example;script-src", False),
    ],
)
def test_t064_names_of_a_fresh_installation(tmp_path, options, host, fine):
    settings = Settings(data=tmp_path, **options)
    assert host_allowed(host, settings, "", fresh=True) is fine
    if fine and host not in ("localhost", "127.0.0.1"):
        assert setup_state.code_needed(settings), (
            "whoever comes by a name that anybody could choose is asked for the code"
        )


@pytest.mark.parametrize(
    "host", ["x;script-src *@localhost", "localhost:1;x", "evil@127.0.0.1", "localhost:", "[::1]x"]
)
def test_t064_nothing_but_a_name_stands_in_host(app, host):
    assert app.test_client().get("/mail/sign-in", headers={"Host": host}).status_code in (400, 421)


@pytest.mark.parametrize(
    "path",
    [
        "/mail/accounts/{}",
        "/mail/accounts/{}/edit",
        "/mail/message/{}/1/INBOX",
        "/mail/message/1/{}/INBOX",
        "/mail/part/1/{}/1/INBOX",
    ],
)
@pytest.mark.parametrize("digits", [16, 20, 5_000])
def test_numbers_beyond_any_row_are_not_found(app, new_visitor, path, digits):
    visitor = new_visitor(app)
    visitor.sign_in()
    assert visitor.get(path.format("9" * digits)).status_code == 404


def test_a_place_far_down_a_list_is_no_error(app, new_visitor):
    visitor = new_visitor(app)
    visitor.sign_in()
    assert visitor.get("/mail/accounts/1?offset=" + "9" * 30).status_code == 404
