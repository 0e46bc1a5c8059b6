import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.sanitize_link import Link, host_of, read, web_address


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://a.example", "https://a.example/"),
        (" HTTPS://A.Example/x ", "https://a.example/x"),
        ("https://a.example:8443/x?y=1#z", "https://a.example:8443/x?y=1#z"),
        ("https://bücher.example/ä b", "https://xn--bcher-kva.example/%C3%A4%20b"),
        ("https://[::1]/x", "https://[::1]/x"),
        ("https://a.example/\"'<>", "https://a.example/%22'%3C%3E"),
        ("tel:+49 30 1", "tel:+49%2030%201"),
        ("mailto:a@b.example", "/mail/compose?to=a%40b.example"),
        (
            "mailto:a@b.example?subject=Hi%20you&cc=c@d.example&bcc=e@f.example&attach=/etc/passwd",
            "/mail/compose?to=a%40b.example&subject=Hi+you&cc=c%40d.example",
        ),
    ],
)
def test_links_that_stay(url, href):
    assert read(url).href == href


@pytest.mark.parametrize(
    "url",
    ["", "javascript:x", "java\nscript:x", "\x01javascript:x", "data:text/html,x", "//evil.example/", "/mail/", "#x", "https://", "https:///x", "https://a b/", "ftp://x/", "cid:x", "https://a.example/" + "x" * 9000, "https://[::1", "tel:", "mailto:a@b%0D%0ABcc:%20c@d", "https:\\\\evil.example", "https://a.example:99999/"],
)  # fmt: skip
def test_links_that_go(url):
    assert read(url) is None


@pytest.mark.parametrize(
    ("url", "text", "asks"),
    [
        ("https://evil.example/", "https://bank.example/login", True),
        ("https://evil.example/", "www.bank.example", True),
        ("https://evil.example/", "bank.com", True),
        ("https://bank.example.evil.example/", "bank.example", True),
        ("https://bank.example@evil.example/", "click", True),
        ("https://www.bank.example/x", "bank.example", False),
        ("https://login.bank.example/x", "https://bank.example", False),
        ("https://bank.example/x", "www.bank.example", False),
        ("https://github.example/x/README.md", "README.md", False),
        ("https://a.example/", "Read more at bank.com today", False),
        ("https://a.example/", "v0.9.2", False),
        ("https://a.example/", "", False),
    ],
)
def test_a_person_is_asked_when_the_text_names_another_host(url, text, asks):
    assert read(url, text).href.startswith("/mail/leave?") == asks


def test_the_tooltip_tells_the_real_host():
    assert read("https://аpple.example/") == Link("https://xn--pple-43d.example/", "xn--pple-43d.example")


@given(st.text(max_size=200), st.text(max_size=50))
def test_nothing_raises_and_only_known_schemes_come_out(url, text):
    for candidate in (url, f"https://{url}", f"mailto:{url}", f"tel:{url}"):
        link = read(candidate, text)
        assert link is None or link.href.startswith(("https://", "http://", "tel:", "/mail/compose?", "/mail/leave?"))
        if link:
            assert not set(link.href) & set('"<>\r\n\t ')


@given(st.text(max_size=80))
def test_an_address_written_anew_stays_itself(url):
    once = web_address(f"https://{url}")
    assert not once or web_address(once) == once
    assert host_of(once) == host_of(web_address(once)) if once else True
