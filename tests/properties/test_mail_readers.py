"""Whatever the octets: every reader of server.mail answers, within its bounds, and IMAP's grammar holds."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from server.mail import (
    address,
    charset,
    date,
    dsn,
    encoded_word,
    header,
    html_text,
    message_id,
    mime,
    parameter,
    searchable,
    subject,
    trace,
    transfer,
    wire,
)
from server.mail.limits import Limits
from server.mail.summary import summarise
from tests.fakes import imap_values

SMALL = Limits(parts=40, depth=6, addresses=20, parameters=8, preview=20, text=500, references=5)
# Octets that mean something to a mail reader, so that chance finds structure.
WORDS = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b"--b", b"--b--", b"\r\n--b\r\n", b"\r\n--b--\r\n", b"--c\r\n", b": ", b";", b",",
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/digest; boundary=c\r\n",
        b"Content-Type: message/rfc822\r\n", b"Content-Type: text/html; charset=gbk\r\n", b"Content-Type: message/delivery-status\r\n",
        b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: quoted-printable\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''%C3%A9; filename*1=\"x\r\n", b"From: ", b"To: ", b"Subject: ", b"Date: ",
        b"References: ", b"<a@b>", b"<", b">", b"(", b")", b'"', b"\\", b"@", b"=?utf-8?Q?=C3=A9?=", b"=?gbk?B?xOO6ww==?=", b"=?", b"?=",
        b"A Group: a@b, ", b"Re: [x] ", b"(fwd)", b"1 Jan 2026 00:00:00 +0100", b"<p>", b"<script>", b"&#1;", b"=C3", b"=\r\n", b"%E9",
        b"\xe9", b"\xc3\xa9", b"\xff", b"format=flowed",
    ]
)  # fmt: skip
OCTETS = st.lists(st.one_of(WORDS, st.binary(max_size=12)), max_size=40).map(b"".join)
LABELS = st.one_of(st.none(), st.sampled_from(sorted(charset._CODECS)), st.text(max_size=20))


def printable_line(text):
    return not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text)


@given(OCTETS)
@settings(max_examples=1_000, deadline=None)
def test_a_summary_of_anything(raw):
    found = summarise(raw, limits=SMALL)
    envelope = imap_values.read(found.envelope)
    imap_values.check_envelope(envelope)
    imap_values.check_body(imap_values.read(found.bodystructure), extended=True)
    imap_values.check_body(imap_values.read(found.body), extended=False)
    assert found.size == len(raw)
    assert 0 <= found.header_size <= len(raw)
    assert len(found.preview) <= SMALL.preview
    assert len(found.text) <= SMALL.text
    assert len(found.references) <= SMALL.references
    for one in (*found.from_, *found.to, *found.cc):
        assert printable_line(one.name + one.local + one.domain)
    assert all(name and "/" not in name and printable_line(name) for name in found.attachment_names)
    assert printable_line(found.subject + found.preview)
    "".join((found.subject, found.text, found.preview, *found.references)).encode()  # can be stored
    assert found == summarise(raw, limits=SMALL)


@given(OCTETS)
@settings(max_examples=1_000, deadline=None)
def test_the_tree_of_anything(raw):
    root = mime.parse(raw, SMALL)
    parts = list(root.walk())
    assert len(parts) <= SMALL.parts + 1
    for part in parts:
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(raw)
        assert (part.type == "multipart") is bool(part.children)
        spans = [(child.header_start, child.body_end) for child in part.children]
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(part.body_start <= start and end <= part.body_end for start, end in spans)
        mime.decoded(raw, part)
        mime.text(raw, part).encode()
    # A leaf has one number, and that number leads to it.
    leaves = [part for part in parts if not part.children and part.embedded is None]
    assert len({part.path for part in leaves}) == len(leaves)
    for part in leaves:
        assert mime.part_at(root, part.path) is part
        assert mime.section(raw, root, part.path) == raw[part.body_start : part.body_end]
    head, text = mime.section(raw, root, "", "HEADER"), mime.section(raw, root, "", "TEXT")
    assert head + text == raw == mime.section(raw, root, "")


@given(OCTETS)
@settings(max_examples=500, deadline=None)
def test_header_fields_cover_their_block(raw):
    block, body = header.split(raw)
    position = 0
    for field in block:
        found = raw.index(field.raw, position)
        assert found + len(field.raw) <= body
        position = found + len(field.raw)
        assert b"\n" not in field.value
        assert b"\r" not in field.value
        assert block.get(field.name) is not None
    every = {field.name.lower() for field in block}
    for name in every:
        assert len(block.all(name)) == block.count(name)


@given(OCTETS, LABELS)
@settings(max_examples=500, deadline=None)
def test_small_readers(octets, label):
    charset.decode(octets, label).encode()
    assert printable_line(encoded_word.decode(octets))
    _, params = parameter.parse(octets, limit=8)
    assert len(params) <= 8
    assert printable_line("".join((*params, *params.values())))
    kind = parameter.content_type(octets)
    assert kind is None or (kind[0].isascii() and kind[1].isascii() and kind[0] and kind[1])
    assert all("<" not in one and " " not in one for one in message_id.parse_all(octets))
    assert len(address.parse_addresses(octets, limit=5)) <= 5
    moment = date.parse(octets)
    assert moment is None or moment.tzinfo is not None
    assert imap_values.read(wire.string(octets)) == octets.replace(b"\x00", b"")
    transfer.decode(octets, "base64")
    transfer.decode(octets, "quoted-printable")
    transfer.decode(octets, "x-uuencode")
    assert trace.hop_count(octets) >= 0
    assert octets.endswith(trace.strip_return_path(octets))
    dsn.parse(octets)
    text = charset.decode(octets, None)
    assert "<p>" not in html_text.to_text(text)
    assert "\n" not in searchable.preview(text, 50)
    base, _ = subject.analyse(text)
    assert subject.analyse(base)[0] == subject.analyse(subject.analyse(base)[0])[0]


@given(st.text(max_size=60))
@settings(max_examples=500, deadline=None)
def test_strict_addresses_are_also_read_leniently_and_canonical_is_stable(text):
    assert address.canonical(address.canonical(text)) == address.canonical(text)
    found = address.parse_addr_spec(text)
    if found is not None:
        (again,) = address.parse_addresses(text)
        assert (again.local, again.domain) == (found.local, found.domain)
