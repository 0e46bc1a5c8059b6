"""Addresses: read leniently for showing, strictly for sending (security.md T111, T112, T120; RFC 5321, 5322, 6531)."""

import pytest

from server.mail import address
from server.mail.address import Address


def read(value):
    return [(one.name, one.addr_spec) for one in address.parse_addresses(value)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("jdoe@example.org", [("", "jdoe@example.org")]),
        ("John Doe <jdoe@machine.example>", [("John Doe", "jdoe@machine.example")]),
        ('"Joe Q. Public" <john.q.public@example.com>', [("Joe Q. Public", "john.q.public@example.com")]),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            [("Mary Smith", "mary@x.test"), ("", "jdoe@example.org"), ("Who?", "one@y.test")],
        ),
        (
            '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
            [("", "boss@nil.test"), ('Giant; "Big" Box', "sysservices@example.net")],
        ),
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            [("Ed Jones", "c@a.test"), ("", "joe@where.test"), ("John", "jdoe@one.test")],
        ),
        ("Undisclosed recipients:;", []),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [("Pete", "pete@silly.test")]),
        ("jdoe@example.org (John Doe)", [("John Doe", "jdoe@example.org")]),
        ("jdoe@example.org (John (the) Doe)", [("John (the) Doe", "jdoe@example.org")]),
        ("Mary Smith <@node.test,@b.test:mary@example.net>, , jdoe@test  . example",
         [("Mary Smith", "mary@example.net"), ("", "jdoe@test.example")]),
        ("John Doe <jdoe@machine(comment).  example>", [("John Doe", "jdoe@machine.example")]),
        ("Joe Q. Public <jqp@example.com>", [("Joe Q. Public", "jqp@example.com")]),
        ("=?utf-8?Q?J=C3=BCrgen?= <j@example.org>", [("Jürgen", "j@example.org")]),
        ("=?utf-8?Q?Smith,_John?= <j@example.org>, b@c.d", [("Smith, John", "j@example.org"), ("", "b@c.d")]),
        ('"=?utf-8?B?5Lya6K6u?=" <h@example.org>', [("会议", "h@example.org")]),
        ("Jürgen <j@bücher.example>", [("Jürgen", "j@bücher.example")]),
        ("a@b.c; d@e.f", [("", "a@b.c"), ("", "d@e.f")]),  # Outlook's separator
        ("a@b.c d@e.f", [("a@b.c", "d@e.f")]),
        ("Mary mary@example.net", [("Mary", "mary@example.net")]),
        ("<mailto:a@b.c>", [("", "a@b.c")]),
        ("root", [("", "root")]),
        ("root (Cron Daemon)", [("Cron Daemon", "root")]),
        ("Moderator of the list", [("Moderator of the list", "")]),
        ('"quoted local"@example.org', [("", '"quoted local"@example.org')]),
        ("user@[192.0.2.1]", [("", "user@[192.0.2.1]")]),
        ("", []),
        (" , ,, ", []),
        ("<>", []),
    ],
)  # fmt: skip
def test_reading(value, expected):
    assert read(value) == expected
    assert read(value.encode()) == expected


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        ("alice@example.org <bob@evil.test>", "bob@evil.test"),
        ('"alice@example.org" <bob@evil.test>', "bob@evil.test"),
        ("alice@example.org (<bob@evil.test>)", "alice@example.org"),
        ("<alice@example.org> <bob@evil.test>", "alice@example.org"),
        ('"alice@example.org"@evil.test', '"alice@example.org"@evil.test'),
        ("alice@example.org@evil.test", '"alice@example.org"@evil.test'),
    ],
)
def test_who_it_really_is(value, spec):
    """T112: the shapes that other parsers read as alice (CVE-2023-27043)."""
    found = address.parse_addresses(value)
    assert [one.addr_spec for one in found] == [spec]
    assert address.parse_addr_spec(value) is None or spec == value


def test_a_name_that_shows_another_address_is_marked():
    (found,) = address.parse_addresses('"service@bank.example" <x@evil.test>')
    assert found.misleading
    assert not address.parse_addresses('"x@evil.test" <x@evil.test>')[0].misleading
    assert not address.parse_addresses("Bank <x@bank.example>")[0].misleading


def test_names_are_one_line_and_do_not_turn_the_text_around():
    """T023, T111."""
    (found,) = address.parse_addresses(b"=?utf-8?Q?a=00=0D=0Ab=E2=80=AEc?= <x@y.z>")
    assert found.name == "a bc"


def test_a_long_list_is_cut_at_the_limit():
    """T120."""
    value = b", ".join(b"a%d@example.org" % number for number in range(5_000))
    assert len(address.parse_addresses(value)) == 1_000
    assert len(address.parse_addresses(value, limit=7)) == 7


@pytest.mark.parametrize(
    "text",
    [
        "a@b",
        "first.last+detail@example.org",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        '"a b"@example.org',
        '"a\\"b"@example.org',
        "用户@例子.广告",
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "a@xn--bcher-kva.example",
        "x" * 64 + "@example.org",
    ],
)
def test_strictly_good(text):
    found = address.parse_addr_spec(text)
    assert found is not None
    assert found.addr_spec == text
    assert found.name == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        " a@b",
        "a@b ",
        "a@b\r\n",
        "a\x00@b",
        "<a@b>",
        "A <a@b>",
        "a@b,c@d",
        ".a@b",
        "a.@b",
        "a..b@c",
        "a@b..c",
        "a@.b",
        "a@-b",
        "a@b-",
        "a@b_c!d",
        "a@b.c.",
        "a(c)@b",
        '"a"b@c',
        '"a@b',
        '"a\r\n"@b',
        "a@[300.0.0.1]",
        "a@[2001:db8::1]",
        "a@[IPv6:192.0.2.1]",
        "a@[x]",
        "a@" + "b" * 64,
        "a@" + ".".join(["b" * 60] * 5),
        "x" * 65 + "@example.org",
        "é" * 33 + "@example.org",
        "\ud800@example.org",
        "a@\ud800.example",
        "a@" + "é" * 80,
    ],
)
def test_strictly_bad(text):
    assert address.parse_addr_spec(text) is None


@pytest.mark.parametrize(
    ("written", "looked_up"),
    [
        ("User@Example.ORG", "user@example.org"),
        (" user@example.org. ", "user@example.org"),
        ("user@Bücher.example", "user@xn--bcher-kva.example"),
        ("user@XN--BCHER-KVA.example", "user@xn--bcher-kva.example"),
        ("Jürgen@example.org", "jürgen@example.org"),
        ("Example.ORG", "example.org"),
        ("a@" + "é" * 80, "a@" + "é" * 80),  # no A-label for it: equal to itself at least
        ("", ""),
    ],
)
def test_canonical(written, looked_up):
    assert address.canonical(written) == looked_up
    assert address.canonical(looked_up) == looked_up


def test_shown():
    assert Address("Jürgen", "j", "example.org").display == "Jürgen"
    assert Address("", "j", "example.org").display == "j@example.org"
    assert Address("", "root", "").addr_spec == "root"
    assert Address("", 'a "b" \\', "c").addr_spec == '"a \\"b\\" \\\\"@c'
