"""File names as they may be shown and saved (security.md T023)."""

import pytest

from server.mail.part import safe_file_name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        (None, None),
        ("", None),
        ("a.pdf", "a.pdf"),
        ("=?utf-8?B?5Lya6K6u?=.pdf", "会议.pdf"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x.exe", "x.exe"),
        ("...", None),
        (" .hidden. ", "hidden"),
        ("=?utf-8?Q?..=2F..=2Fx?=", "x"),
        ("a\r\nb\x00c", "a b c"),
        ("fdp\u202eexe", "fdpexe"),
        ("x" * 400, "x" * 255),
    ],
)
def test_safe_file_name(given, safe):
    assert safe_file_name(given) == safe
