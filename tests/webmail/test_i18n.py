import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from hypothesis import given
from hypothesis import strategies as st

from webmail import i18n

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
LANGUAGES = i18n.translated_languages()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_untranslated(language):
    assert i18n.untranslated(language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_the_same(language):
    for message in i18n.load(language):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        wanted = set(PLACEHOLDER.findall("".join(ids)))
        for text in message.string if isinstance(message.string, tuple) else (message.string,):
            # English may count one thing without a number; Chinese, with one form, always has the number.
            assert not message.id or set(PLACEHOLDER.findall(text)) == wanted, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_markup_stays_out_of_translations(language):
    for message in i18n.load(language):
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert message.id == "" or not any("<" in text for text in texts)


def test_the_catalogues_have_nothing_that_the_sources_lack():
    known = {(m.id if isinstance(m.id, str) else m.id[0]) for m in i18n.extract()}
    for language in LANGUAGES:
        gone = [m.id for m in i18n.load(language) if m.id and (m.id if isinstance(m.id, str) else m.id[0]) not in known]
        assert gone == []


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh_Hans"),
        ("zh-TW", "zh_Hant"),
        ("zh-Hant-HK, en", "zh_Hant"),
        ("en;q=0.1, zh;q=0.2", "zh_Hans"),
        ("de-AT, fr;q=0.5", "en"),
        ("zh;q=0, en", "en"),
        ("*", "en"),
    ],
)
def test_the_browsers_wish(header, language):
    assert i18n.from_header(header) == language


@given(st.text())
def test_any_header_gives_a_language(header):
    assert i18n.from_header(header) in {"en", *LANGUAGES}


def test_compiled_catalogues_can_be_read(tmp_path, monkeypatch):
    for language in LANGUAGES:
        target = tmp_path / language / "LC_MESSAGES"
        target.mkdir(parents=True)
        (target / "messages.po").write_bytes(i18n.po_path(language).read_bytes())
    monkeypatch.setattr(i18n, "TRANSLATIONS", tmp_path)
    i18n.compile_catalogues()
    for language in LANGUAGES:
        with (tmp_path / language / "LC_MESSAGES" / "messages.mo").open("rb") as file:
            assert read_mo(file).get("Sign in").string


def test_the_command_line_finds_nothing_missing():
    done = subprocess.run(
        [sys.executable, "-m", "webmail.i18n", "check"],
        cwd=Path(i18n.ROOT),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
