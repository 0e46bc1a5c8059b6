"""Whatever the values: what server.mail writes reads back as the same, or is refused."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from server.mail import address, address_field, build, date, dotstuff, dsn, encoded_word, header, mime, parameter, trace
from server.mail.address import Address

REFUSED = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]))
LINES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters=REFUSED), max_size=120)
ANYTHING = st.text(max_size=80)
ATOMS = st.text('abcdefghijklmnopqrstuvwxyz0123456789.+-_ "\\(),:;<>@[]', min_size=1, max_size=30)
DOMAINS = st.sampled_from(["example.org", "xn--bcher-kva.example", "[192.0.2.1]", "a.b"])
MOMENTS = st.builds(
    lambda moment, minutes: moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes))),
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001 - the zone comes after
    st.integers(-23 * 60, 23 * 60),
)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def fields_of(raw):
    block, _ = header.split(raw + b"\r\n")
    return block


@given(LINES)
@settings(max_examples=1_000, deadline=None)
def test_a_line_of_text(text):
    field = header.encode("Subject", text)
    assert field.isascii()
    block = fields_of(field)
    assert [one.name for one in block] == ["Subject"]
    assert block.text("subject") == text
    assert encoded_word.decode(b" ".join(encoded_word.encode(text))) == text


@given(ANYTHING)
@settings(max_examples=500, deadline=None)
def test_any_text_makes_one_field_or_none(text):
    try:
        field = header.encode("Subject", text)
    except ValueError:
        return
    assert len(fields_of(field)) == 1
    assert field.count(b"\n") == field.count(b"\r\n")


@given(
    st.lists(
        st.builds(Address, LINES.map(str.strip).map(address.without_bidi), ATOMS.map(str.strip).filter(bool), DOMAINS),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=500, deadline=None)
def test_address_fields(mailboxes):
    block = fields_of(address_field.encode("To", mailboxes))
    assert [one.name for one in block] == ["To"]
    assert address.parse_addresses(block.get("to")) == mailboxes


@given(st.builds(Address, ANYTHING, ANYTHING, ANYTHING))
@settings(max_examples=500, deadline=None)
def test_any_address_makes_one_field_or_none(mailbox):
    try:
        field = address_field.encode("To", [mailbox])
    except ValueError:
        return
    assert len(fields_of(field)) == 1


@given(LINES)
@settings(max_examples=500, deadline=None)
def test_parameters(value):
    pieces = parameter.encode("filename", value)
    assert parameter.parse(b"attachment; " + b";\r\n ".join(pieces)) == ("attachment", {"filename": value})


@given(MOMENTS)
@settings(max_examples=500, deadline=None)
def test_dates(moment):
    assert date.parse(date.format(moment)) == moment
    assert date.parse(date.format(moment)).utcoffset() == moment.utcoffset()
    assert date.parse_internal(date.format_internal(moment)) == moment


@given(st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\n", b"a", b"\r"]), max_size=20).map(b"".join))
@settings(max_examples=500, deadline=None)
def test_dot_transparency(data):
    stuffed = dotstuff.stuff(data)
    assert dotstuff.unstuff(stuffed) == data
    assert b"\n.\r\n" not in b"\n" + stuffed
    assert dotstuff.transmit(data).endswith(b"\r\n.\r\n" if data else b".\r\n")


@given(ANYTHING, st.one_of(st.none(), ANYTHING), st.lists(st.tuples(LINES, st.binary(max_size=200)), max_size=3))
@settings(max_examples=300, deadline=None)
def test_messages(text, html, files):
    raw = build.message(
        from_=[Address("", "a", "b")],
        subject="x",
        date=NOW,
        message_id="m@x",
        text=text,
        html=html,
        attachments=[build.Attachment(name, "application/octet-stream", data) for name, data in files],
    )
    assert build.is_7bit(raw)
    leaves = [part for part in mime.parse(raw).walk() if not part.children]
    attached = [part for part in leaves if part.disposition == "attachment"]
    assert [mime.decoded(raw, part) for part in attached] == [data for _, data in files]
    assert len(leaves) == len(files) + 1 + (html is not None)
    expected = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert mime.text(raw, leaves[0]).replace("\r\n", "\n").removesuffix("\n") == expected.removesuffix("\n")


@given(ANYTHING, ANYTHING, ANYTHING, st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_reports(recipient, status, diagnostic, original):
    context = dsn.Context("mx", Address("", "p", "x"), Address("", "a", "b"), "d@x", NOW, original)
    raw = dsn.failure(context, [dsn.Recipient(f"r{recipient}@x", status, diagnostic)])
    assert build.is_7bit(raw)
    report = dsn.parse(raw)
    assert report is not None
    assert len(report.recipients) == 1
    assert report.recipients[0].action == "failed"


@given(ANYTHING, ANYTHING, ANYTHING)
@settings(max_examples=500, deadline=None)
def test_trace_fields(helo, peer, recipient):
    raw = trace.received(helo=helo, peer=peer, by="mx", protocol="ESMTP", identifier="i", date=NOW, recipient=recipient)
    assert len(fields_of(raw)) == 1
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r\n\t") + 1
    try:
        path = trace.return_path(recipient)
    except ValueError:
        return
    assert trace.strip_return_path(path + b"A: b\r\n") == b"A: b\r\n"
