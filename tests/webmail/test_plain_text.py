import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.plain_text import linked, render, unflow


def kinds(text, **options):
    return [(block.kind, block.folded) for block in render(text, **options)]


def test_text_is_escaped_and_nothing_else_is_markup():
    assert str(linked("<b>&\"' {{7*7}}")) == "&lt;b&gt;&amp;&#34;&#39; {{7*7}}"


@given(st.text(alphabet="abc<>&\"'/:.@wh tps\n>-#x", max_size=150))
def test_what_is_shown_is_what_was_written(text):
    markup = str(linked(text))
    plain = html.unescape(re.sub(r"</?a\b[^>]*>", "", markup))
    assert plain == text
    assert re.fullmatch(
        r"(?s)(?:[^<]|<a href=\"[^\"<>]*\" title=\"[^\"<>]*\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">|</a>)*",
        markup,
    )


@given(st.text(max_size=200))
def test_any_text_renders(text):
    for block in render(text):
        assert "<" not in re.sub(r"</?a\b[^>]*>", "", str(block.markup))


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example/x_(y))", ["https://a.example/x_(y)"]),
        ("见https://a.example/x，谢谢", ["https://a.example/x"]),
        ("www.a.example, www.b.example!", ["https://www.a.example/", "https://www.b.example/"]),
        ("mail ann@x.example now", ["/mail/compose?to=ann%40x.example"]),
        ("https://a.example/?a=1&b=<2>", ["https://a.example/?a=1&b="]),
        ("javascript:alert(1) data:x file:///x", []),
        ("https://", []),
        ("a.b@c", []),
    ],
)
def test_links_in_text(text, links):
    assert [html.unescape(found) for found in re.findall(r'href="([^"]*)"', str(linked(text)))] == links


def test_the_number_of_links_is_bounded():
    assert str(linked("www.a.example " * 50, [10])).count("<a ") == 10


def test_a_quote_at_the_end_is_folded_with_its_introduction():
    text = "Hello\n\nOn Mon, Iris wrote:\n> one\n> two\n"
    assert kinds(text) == [("text", False), ("quote", True)]
    assert "Iris wrote" in render(text)[1].markup
    assert kinds("你好\n\n在周一，立写道：\n> 一\n") == [("text", False), ("quote", True)]


def test_a_quote_that_is_answered_below_stays_open():
    assert kinds("> question\n\nanswer\n") == [("quote", False), ("text", False)]
    assert kinds("> only a quote\n") == [("quote", False)]


def test_a_signature_stands_apart():
    text = "Text\n-- \nMara\nwww.x.example"
    assert kinds(text) == [("text", False), ("signature", False)]


def test_flowed_lines_are_joined():
    assert unflow(["a ", "b", "", "c"], delsp=False) == ["a b", "", "c"]
    assert unflow(["漢 ", "字"], delsp=True) == ["漢字"]
    assert unflow(["> a ", "> b", ">> c ", "> d"], delsp=False) == ["> a b", ">> c ", "> d"]
    assert unflow(["x ", "-- ", "sig"], delsp=False) == ["x ", "-- ", "sig"]
    assert unflow([" >not a quote"], delsp=False) == [">not a quote"]


def test_line_ends_of_every_kind():
    assert str(render("a\r\nb\rc\nd")[0].markup) == "a\nb\nc\nd"
    assert render("") == []


def test_a_huge_text_is_cut():
    assert len(render("x" * 1000, limit=100)[0].markup) == 100


@pytest.mark.parametrize("tail", [")", "]", ".", "()", ".,"])
def test_t076_an_address_without_end_is_text(tail):
    """Its end is looked for from behind, one character after the other (and this test would never end)."""
    text = "http://x" + tail * 250_000
    (block,) = render(text)
    assert html.unescape(str(block.markup)) == text[: 512 * 1024]
    assert "<a " in linked("see http://x.example/" + ")" * 50)
