"""Octets to text by an allow-list of charsets: never raises, never runs a codec that is not a charset.

Python offers codecs that decode markup (unicode_escape), take quadratic time (punycode) or raise whatever the error
handler (idna, undefined, zlib_codec). A label chooses from the table here or nothing. As browsers do (WHATWG Encoding),
a label means the superset in real use: gb2312 is read as gb18030, iso-8859-1 as windows-1252, shift_jis as cp932.
The result holds no lone surrogates, so it can always be written as UTF-8.
"""

import re
from typing import Final

FALLBACK: Final = "cp1252"

_SAME: Final = (
    "utf-8 utf-16 utf-16le utf-16be utf-32 utf-32le utf-32be utf-7 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 "
    "iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u koi8-t "
    "big5hkscs gb18030 euc-jp cp437 cp850 cp852 cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 "
    "cp874 cp932 cp949 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 johab hz mac-roman mac-cyrillic "
    "mac-greek mac-latin2 mac-turkish tis-620 iso2022-kr iso2022-jp-2 kz1048 ptcp154"
)
_ALIASES: Final = {
    "utf8": "utf-8",
    "utf": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf7": "utf-7",
    "utf16": "utf-16",
    "unicode": "utf-16",
    "ucs-2": "utf-16",
    "us-ascii": FALLBACK,
    "ascii": FALLBACK,
    "ansi_x3.4-1968": FALLBACK,
    "iso646-us": FALLBACK,
    "iso-8859-1": FALLBACK,
    "iso8859-1": FALLBACK,
    "iso_8859-1": FALLBACK,
    "latin1": FALLBACK,
    "latin-1": FALLBACK,
    "l1": FALLBACK,
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "latin5": "cp1254",
    "iso-8859-11": "cp874",
    "tis620": "tis-620",
    "latin2": "iso-8859-2",
    "latin9": "iso-8859-15",
    "koi8": "koi8-r",
    "koi8_r": "koi8-r",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "windows-936": "gb18030",
    "euc-cn": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "cn-big5": "big5hkscs",
    "cp950": "big5hkscs",
    "windows-950": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "ms_kanji": "cp932",
    "windows-31j": "cp932",
    "x-euc-jp": "euc-jp",
    "eucjp": "euc-jp",
    "iso-2022-jp": "iso2022-jp-2",
    "iso-2022-jp-1": "iso2022-jp-2",
    "iso-2022-jp-2": "iso2022-jp-2",
    "csiso2022jp": "iso2022-jp-2",
    "iso-2022-kr": "iso2022-kr",
    "euc-kr": "cp949",
    "euckr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "korean": "cp949",
    "uhc": "cp949",
    "macintosh": "mac-roman",
    "x-mac-roman": "mac-roman",
    "x-mac-cyrillic": "mac-cyrillic",
}
_CODECS: Final = {
    **{name: name for name in _SAME.split()},
    **{f"windows-{page}": f"cp{page}" for page in (874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"ibm{page}": f"cp{page}" for page in (437, 850, 852, 855, 857, 858, 860, 862, 863, 864, 865, 866, 869)},
    **_ALIASES,
}
# These decoders let half of a surrogate pair through.
_SURROGATE_LEAKS: Final = frozenset({"utf-7", "utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32le", "utf-32be"})


def codec(label: str | None) -> str | None:
    """The Python codec that reads this charset label, or None for one that is not on the list."""
    if not label:
        return None
    name = label.strip().strip("\"'").lower()
    found = _CODECS.get(name)
    return found if found is not None else _CODECS.get(name.replace("_", "-"))


def decode(data: bytes, label: str | None) -> str:
    """Text of the octets. A missing, unknown or plain ASCII label means UTF-8 where valid, else windows-1252."""
    name = codec(label)
    if name is None or name == FALLBACK:
        # Many senders label UTF-8 as us-ascii or iso-8859-1; valid multi-byte UTF-8 is never an accident.
        return _utf8_or_fallback(data)
    if name == "utf-8":
        return data.decode("utf-8", "replace")
    try:
        text = data.decode(name, "replace")
    except (UnicodeError, ValueError, LookupError):
        return _utf8_or_fallback(data)
    if name in _SURROGATE_LEAKS:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def _utf8_or_fallback(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(FALLBACK, "replace")


_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Characters of GB 2312: two octets each, both of them high, in runs of their own.
_CHINESE: Final = re.compile(rb"(?<![\x80-\xff])(?:[\xa1-\xa9\xb0-\xf7][\xa1-\xfe])+(?![\x80-\xff])")
_HIGH: Final = bytes(range(0x80, 0x100))
_SAMPLE: Final = 16_384
_MOST: Final = 0.8


def guess(data: bytes) -> str:
    """Text of octets that nobody named a charset for, such as an attached file, which may be cut off anywhere.

    What a byte order mark says, else UTF-16 where every second octet is NUL, else UTF-8 where valid, else Chinese where nearly
    all octets that are not ASCII make characters of GB 2312, else windows-1252.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _whole(data.decode(name, "replace"))
    sample = data[:_SAMPLE]
    if b"\x00" in sample:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if max(even, odd) * 4 > len(sample) and min(even, odd) * 8 < len(sample):
            return _whole(data.decode("utf-16-be" if even > odd else "utf-16-le", "replace"))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:
            return data[: error.start].decode("utf-8")
    high = len(sample) - len(sample.translate(None, _HIGH))
    if sum(map(len, _CHINESE.findall(sample))) > high * _MOST:
        return data.decode("gb18030", "replace")
    return data.decode(FALLBACK, "replace")


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
