import pytest

from webmail.forwarded import Forwarded


def seen(peer, forwarded=None, scheme=None, trusted=("127.0.0.1", "10.0.0.0/8")):
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    if scheme is not None:
        environ["HTTP_X_FORWARDED_PROTO"] = scheme
    kept = {}
    Forwarded(lambda env, _start: kept.update(env) or [], trusted)(environ, lambda *_: None)
    return kept["REMOTE_ADDR"], kept["wsgi.url_scheme"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.1, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("127.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "junk", "127.0.0.1"),
        ("192.0.2.9", "198.51.100.1", "192.0.2.9"),
        ("", "198.51.100.1", ""),
    ],
)
def test_only_our_own_proxy_is_believed_and_read_from_the_right(peer, forwarded, visitor):
    assert seen(peer, forwarded)[0] == visitor


def test_the_scheme_comes_from_our_proxy_only():
    assert seen("127.0.0.1", "192.0.2.7", "https")[1] == "https"
    assert seen("192.0.2.9", "192.0.2.7", "https")[1] == "http"
    assert seen("127.0.0.1", "192.0.2.7", "gopher")[1] == "http"


def test_nobody_is_trusted_unless_named():
    assert seen("127.0.0.1", "192.0.2.7", trusted=())[0] == "127.0.0.1"
