import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import sanitize
from webmail.written_text import to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("just words", "just words"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("<div>one<br>two</div>", "one\ntwo"),
        ("<div>one<br></div><div>two</div>", "one\ntwo"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<h1>Head</h1><div>x</div>", "Head\n\nx"),
        ("<div>a &lt;b&gt; &amp; c</div>", "a <b> & c"),
        ("<div>  much \n\t space </div>", "much space"),
        ("<div>no\u00a0break</div>", "no break"),
        ("<blockquote><div>q</div><div><br></div><div>r</div></blockquote>", "> q\n>\n> r"),
        ("<div>a</div><blockquote>q<blockquote>older</blockquote></blockquote><div>b</div>", "a\n> q\n>> older\nb"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<div>x</div><ol><li>one</li><li>two</li></ol><div>y</div>", "x\n\n1. one\n2. two\n\ny"),
        ("<ul><li>one<ul><li>in</li></ul></li><li>two</li></ul>", "- one\n  - in\n- two"),
        ("<blockquote><ul><li>one</li></ul></blockquote>", "> - one"),
        ("<pre> a\n  b\n</pre>", " a\n  b"),
        ('<div>see <a href="https://x.example/">here</a>.</div>', "see here <https://x.example/>."),
        ('<a href="https://x.example/">https://x.example/</a>', "https://x.example/"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<img alt="a dog" src="cid:1">', "a dog"),
        ("<table><tbody><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></tbody></table>", "1  2\n3"),
        ("<div>a</div><hr><div>b</div>", f"a\n{'-' * 40}\nb"),
        ("<div>语言 <b>很好</b>。</div>", "语言 很好。"),
    ],
)
def test_markup_as_people_write_it(html, text):
    assert to_text(html) == text


@given(st.text(max_size=200))
def test_whatever_the_sanitiser_gives_is_read(source):
    made = to_text(sanitize.reduce(source))
    assert "\r" not in made
    assert made == made.strip("\n")


@given(
    st.lists(
        st.from_regex(r"[a-z][a-z ,.]{0,30}[a-z.]", fullmatch=True).map(lambda s: " ".join(s.split())), max_size=10
    )
)
def test_lines_come_back(lines):
    assert to_text("".join(f"<div>{line}</div>" for line in lines)) == "\n".join(lines)


def test_what_was_never_closed_is_read_too():
    assert to_text("</blockquote></ul></pre></a><li>x") == "x"
    assert to_text("<div>" * 500 + "deep") == "deep"
