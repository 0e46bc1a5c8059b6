"""RFC 2047: the examples of §8, what senders do wrong, and what is written."""

import pytest

from server.mail import encoded_word


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?= \t\r\n =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),  # RFC 2231 §5
        (b"=?utf-8?B?5Lya6K6u?=", "会议"),
        (b"=?UTF-8?b?5Lya6K6u?= tail", "会议 tail"),
        (b"Re:=?utf-8?Q?=C3=A9?=", "Re:é"),
        (b"=?utf-8?Q?Hello World?=", "Hello World"),  # spaces inside are wrong and common
        (b"=?utf-8?B?4pyT?=", "✓"),
    ],
)
def test_reading(written, text):
    assert encoded_word.decode(written) == text


def test_a_character_cut_in_two_by_the_sender_is_whole_again():
    """RFC 2047 §5 forbids it; real mailers cut base64 anywhere."""
    first, second = "会".encode()[:2], "会".encode()[2:]
    import base64

    words = b" ".join(b"=?utf-8?B?%b?=" % base64.b64encode(half) for half in (first, second))
    assert encoded_word.decode(words) == "会"


@pytest.mark.parametrize("written", [b"=?utf-8?B?4pyT", b"=?utf-8?X?abc?=", b"=?", b"?=", b"=?utf-8?Q?", b"=??Q?a?="])
def test_what_is_no_encoded_word_stays_as_it_is(written):
    assert encoded_word.decode(written) == written.decode()


def test_damaged_base64_gives_what_it_holds():
    assert encoded_word.decode(b"=?utf-8?B?5Lya6K6?=").startswith("会")


@pytest.mark.parametrize(
    "written",
    [b"=?utf-8?Q?a=0D=0ABcc:_x@y?=", b"=?utf-8?Q?potus@whitehouse.gov=00?=", b"=?utf-7?Q?+AAo-?=", b"a\x00b\x7f"],
)
def test_no_control_character_comes_out(written):
    """T111: Mailsploit writes NUL and line ends into names; a name stays one line."""
    text = encoded_word.decode(written)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text)


def test_raw_utf8_and_raw_latin1():
    assert encoded_word.decode("Grüße 会议".encode()) == "Grüße 会议"  # RFC 6532
    assert encoded_word.decode(b"caf\xe9") == "café"


def test_written_words_are_short_and_whole():
    text = "会议记录和下一步 " * 30
    words = encoded_word.encode(text)
    assert len(words) > 3
    assert all(len(word) <= 75 for word in words)
    assert all(encoded_word.decode(word).strip() in text for word in words)
    assert encoded_word.decode(b" ".join(words)) == text


def test_the_shorter_encoding_is_taken():
    assert encoded_word.encode("The long way home to Köln")[0].startswith(b"=?utf-8?Q?")
    assert encoded_word.encode("会议记录")[0].startswith(b"=?utf-8?B?")
