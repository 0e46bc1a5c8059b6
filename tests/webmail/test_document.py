import pytest

from webmail import document


def test_the_markup_stands_in_the_document_as_it_was_given():
    content = '<p title="&quot;">a &amp; b {x}</p>'
    made = document.page(content)
    assert made.endswith(f"<body>{content}</body></html>")
    assert made.startswith("<!doctype html>")
    assert "<script" not in made


@pytest.mark.parametrize(("theme", "dark"), [("light", False), ("dark", True), ("auto", True), ("x", False)])
def test_themes(theme, dark):
    made = document.page("", theme=theme)
    assert ("#161c1e" in made) == dark
    assert ("prefers-color-scheme" in made) == (theme == "auto")


def test_head_lines_of_a_printed_message_are_escaped():
    made = document.printed("<p>x</p>", title="<b>", fields=[("From", "<i>"), ("Cc", "")], language='"><script>')
    assert "&lt;b&gt;" in made
    assert "<dd>&lt;i&gt;</dd>" in made
    assert "Cc" not in made
    assert "<script" not in made


def test_no_header_lets_the_frame_out():
    found = document.headers("https://mail.example")
    assert found["Content-Security-Policy"].startswith("sandbox allow-popups allow-popups-to-escape-sandbox;")
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Cache-Control"] == "no-store"
    for word in (
        "allow-scripts",
        "allow-same-origin",
        "allow-forms",
        "allow-top-navigation",
        "allow-modals",
        "img-src 'self'",
        "*",
    ):
        assert word not in found["Content-Security-Policy"]
