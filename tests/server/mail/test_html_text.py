"""HTML to text: what people see, and nothing that takes forever."""

import pytest

from server.mail.html_text import to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain  text\n here", "plain text here"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<b>bo</b>ld <a href='x'>link</a>", "bold link"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<script>alert('<p>')</script>seen", "seen"),
        ("<style>p{a:b}</style><title>T</title>seen<script>never closed", "seen"),
        ("<!-- hidden > <p>x</p> -->seen<!-- never closed", "seen"),
        ("<!DOCTYPE html><html><body>x</body></html>", "x"),
        ("&lt;b&gt; &amp;amp; &#20250;&#x8bae; &eacute;&nbsp;x &bogus; &#0; &#xD800;", "<b> &amp; 会议 é x &bogus;"),
        ("&#150; &#8211; &copy &AMP;", "– – © &"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("cut <a href=", "cut"),
        ("a\x00b", "a b"),
        ("&#99999999999;", "&#99999999999;"),
        ("<svg><style>x</style></svg><noscript>n</noscript>ok", "ok"),
        ("<scripty>kept</scripty>", "kept"),
    ],
)
def test_text(html, text):
    assert to_text(html) == text


def test_markup_cannot_hide_in_entities_twice():
    """What comes out is text: it is not read as markup again."""
    assert to_text("&lt;script&gt;x&lt;/script&gt;") == "<script>x</script>"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    ["<", "<a ", "<!--", "<!", "-->", "<a href='", "<script>", "</script", "<style", "<p>", "<br", "&", "&#1", "&#x", "&a", "<![", "</", "< ",
     "<script><", "<!---", "-", "<div ><", "<title></title", "\n", " "],
)  # fmt: skip
def test_megabytes_of_anything_are_read_at_once(piece):
    to_text(piece * (3_000_000 // len(piece)))
