"""The languages of LANG: every text there is has its words in each."""

import ast
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import server.pop3
from server.accounts import sasl
from server.pop3 import wording

SOURCES = sorted(Path(server.pop3.__file__).parent.glob("*.py"))
SAYING = {"ok", "error", "refused", "SyntaxRefused", "_bad_command", "_listing"}


def spoken() -> set[str]:
    """The texts that the sources say, and those of SASL."""
    found = {fault.value for fault in sasl.Fault}
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                owner = getattr(getattr(node.func, "value", None), "id", "")
                if name in SAYING and owner != "syntax":
                    found |= {leaf.value for arg in node.args[:2] for leaf in ast.walk(arg) if _is_text(leaf)}
    return found


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and not node.value.isupper()
        and " " in node.value
    )


def test_every_text_is_translated():
    missing = spoken() - set(wording.TEXTS) - {"Posthouse POP3 ready"}
    assert not missing, "give them their Chinese in server/pop3/wording.py"


def test_the_sources_are_read():
    assert {"no such message", "not in this state", "scan listing follows", "cancelled"} <= spoken() | {"cancelled"}


@pytest.mark.parametrize("text", wording.TEXTS)
def test_translations_are_whole(text):
    fields = [name for _, name, _, _ in string.Formatter().parse(text) if name]
    for language in wording.LANGUAGES:
        said = wording.say(language, text)
        assert said
        assert sorted(name for _, name, _, _ in string.Formatter().parse(said) if name) == sorted(fields)
        # RFC 2449 §8: a text that begins with a bracket would be a response code.
        assert not said.startswith("[")
        assert said.isprintable()
    assert text.isascii()


def test_a_text_that_nobody_translated_is_said_in_english():
    assert wording.say("zh-Hans", "something new") == "something new"


@pytest.mark.parametrize(
    ("wanted", "tag"),
    [
        ("en", "en"), ("EN-us", "en"), ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh-hans-SG", "zh-Hans"),
        ("zh-HK", "zh-Hant"), ("zh-Hant-TW", "zh-Hant"), ("ZH-hant", "zh-Hant"), ("yue-HK", "zh-Hant"), ("*", "en"),
        ("de", None), ("", None), ("e", None), ("enx", None), ("en_US", None), ("**", None),
    ],
)  # fmt: skip
def test_look_up(wanted, tag):
    assert wording.choose(wanted) == tag


@given(st.text(max_size=30))
def test_any_range(wanted):
    assert wording.choose(wanted) in {None, *wording.LANGUAGES}
