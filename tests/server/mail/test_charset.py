"""security.md T030, T031: an allow-list of charsets, no exception, no markup out of codecs."""

import codecs
import encodings
import pkgutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.mail import charset


@pytest.mark.parametrize(
    ("label", "octets", "text"),
    [
        ("utf-8", "Grüße".encode(), "Grüße"),
        ("UTF8", "你好".encode(), "你好"),
        (' "utf-8" ', "é".encode(), "é"),
        ("gb2312", "你好".encode("gb18030"), "你好"),
        ("GBK", "镕".encode("gb18030"), "镕"),  # not in GB 2312: the label lies, the superset reads it
        ("gb18030", "㐀".encode("gb18030"), "㐀"),
        ("big5", "會議".encode("big5"), "會議"),
        ("shift_jis", "①テスト".encode("cp932"), "①テスト"),
        ("iso-2022-jp", "お知らせ".encode("iso2022_jp"), "お知らせ"),
        ("euc-kr", "안녕".encode("cp949"), "안녕"),
        ("ks_c_5601-1987", "안녕".encode("cp949"), "안녕"),
        ("koi8-r", "Отчёт".encode("koi8-r"), "Отчёт"),
        ("windows-1251", "Отчёт".encode("cp1251"), "Отчёт"),
        ("iso-8859-1", b"\x93quoted\x94 caf\xe9", "“quoted” café"),  # WHATWG: latin-1 is windows-1252
        ("iso_8859-2", "Łódź".encode("iso-8859-2"), "Łódź"),
        ("hz-gb-2312", b"~{VPND~}", "中文"),
        ("utf-7", b"+AOk-", "é"),
        ("utf-16", "é".encode("utf-16"), "é"),
    ],
)
def test_a_known_label(label, octets, text):
    assert charset.decode(octets, label) == text


@pytest.mark.parametrize("label", [None, "", "us-ascii", "x-unknown", "iso-8859-1", "\x00", "é" * 50])
def test_utf8_is_recognised_under_a_label_that_says_nothing(label):
    assert charset.decode("Ωmega".encode(), label) == "Ωmega"
    assert charset.decode(b"caf\xe9", label) == "café"


@pytest.mark.parametrize(
    "label",
    [
        "unicode_escape",
        "raw_unicode_escape",
        "idna",
        "punycode",
        "undefined",
        "zlib_codec",
        "rot13",
        "uu",
        "hex",
        "mbcs",
    ],
)
def test_a_codec_that_is_no_charset_is_never_run(label):
    """unicode_escape would turn this into markup; idna and undefined raise; zlib_codec inflates."""
    data = b"\\u003cscript\\u003e"
    assert charset.codec(label) is None
    assert charset.decode(data, label) == data.decode()


def test_the_list_names_only_text_codecs_that_exist():
    names = {module.name for module in pkgutil.iter_modules(encodings.__path__)}
    assert {"utf_8", "gb18030"} <= names
    for name in set(charset._CODECS.values()):
        assert codecs.lookup(name)._is_text_encoding
    assert not {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"} & set(charset._CODECS.values())


@pytest.mark.parametrize("label", sorted(set(charset._CODECS.values())))
def test_no_octets_raise_and_the_text_can_be_stored(label):
    for data in (bytes(range(256)), bytes(range(255, -1, -1)), b"\xff" * 7, b"+2AA-+3AA-", b"\x00\xd8\x00\xd8\x00"):
        charset.decode(data, label).encode("utf-8")


def test_half_a_surrogate_pair_does_not_get_through():
    assert "\ud800" not in charset.decode(b"+2AA-", "utf-7")


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("Grüße 合同".encode(), "Grüße 合同"),
        ("合同".encode()[:-1], "合"),  # cut off inside a character
        ("\ufeff合同".encode(), "合同"),
        ("合同 and so on".encode("utf-16"), "合同 and so on"),
        (b"\xfe\xff" + "合同".encode("utf-16-be"), "合同"),
        ("plain words".encode("utf-16-le"), "plain words"),
        ("plain words".encode("utf-16-be"), "plain words"),
        ("这是合同，请查收。Regards".encode("gb2312"), "这是合同，请查收。Regards"),
        ("Übermäßige Größe".encode("cp1252"), "Übermäßige Größe"),
        ("déjà vu, naïve café".encode("cp1252"), "déjà vu, naïve café"),
        (b"", ""),
    ],
)
def test_what_nobody_named_is_guessed(octets, text):
    assert charset.guess(octets) == text


@given(st.binary(max_size=100), st.sampled_from([b"", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00", b"\xef\xbb\xbf"]))
def test_guessing_never_raises_and_leaves_no_half_pair(octets, mark):
    charset.guess(mark + octets).encode("utf-8")
