"""Real messages of two other mail libraries: all are read, every section is consistent, and answers agree with theirs.

Needs the corpora (POSTHOUSE_CORPORA, default ../shared/data): mime-stalwart with the answers of stalwart's mail-parser,
mime-rubymail with messages only.
"""

import json
import os
import re
from pathlib import Path

import pytest

from server.mail import address, date, encoded_word, header, message_id, mime, parameter
from server.mail.summary import summarise
from tests.fakes import imap_values

ROOT = Path(__file__).parents[2]
CORPORA = ROOT / os.environ.get("POSTHOUSE_CORPORA", "../shared/data")
STALWART, RUBYMAIL = CORPORA / "mime-stalwart", CORPORA / "mime-rubymail"
ROUTE = re.compile(r"^@[^:]*:")
MESSAGES = sorted([*STALWART.rglob("*.eml"), *RUBYMAIL.rglob("*.eml")])


def name(path):
    return str(path.relative_to(CORPORA))


def values(kind):
    return json.loads((STALWART / "values" / f"{kind}.json").read_text("utf-8"))


def value_of(written):
    """A header value as the readers get it: the first field of what the corpus holds."""
    block, _ = header.split(f"X:{written}".encode())
    return block.get("x")


def test_the_corpora_are_there():
    assert len(MESSAGES) >= 100, f"no corpora at {CORPORA}"


@pytest.mark.parametrize("path", MESSAGES, ids=name)
@pytest.mark.parametrize("ends", ["as is", "crlf"])
def test_every_message_is_read(path, ends):
    raw = path.read_bytes()
    if ends == "crlf":
        raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    found = summarise(raw)
    imap_values.check_envelope(imap_values.read(found.envelope))
    imap_values.check_body(imap_values.read(found.bodystructure), extended=True)
    imap_values.check_body(imap_values.read(found.body), extended=False)
    f"{found.subject}{found.text}{found.preview}".encode()
    assert len(found.preview) <= 200
    root = mime.parse(raw)
    assert mime.section(raw, root, "", "HEADER") + mime.section(raw, root, "", "TEXT") == raw
    for part in root.walk():
        assert part.header_start <= part.body_start <= part.body_end <= len(raw)
        if part.children or part.embedded is not None:
            continue
        assert mime.part_at(root, part.path) is part
        assert mime.section(raw, root, part.path) == raw[part.body_start : part.body_end]
        mime.decoded(raw, part)


def leaves_of(parts):
    """(start, end, content) of each leaf in stalwart's answer; messages inside count from the same zero."""
    for part in parts:
        ((kind, body),) = part["body"].items()
        if kind == "Message":
            yield from leaves_of(body["parts"])
        elif kind != "Multipart":
            content = body if isinstance(body, str) else bytes(body)
            yield part["offset_body"], part["offset_end"], content


# Their reader looks into an encoded message/rfc822, which RFC 2046 §5.2.1 forbids and IMAP numbers cannot express.
ENCODED_MESSAGE = "008"
# The sample of the RFC has words where base64 should be: they show the words, we what base64 makes of them.
NOT_BASE64 = "000"


@pytest.mark.parametrize("path", sorted(STALWART.glob("rfc/*.eml")), ids=name)
@pytest.mark.parametrize("ends", ["lf", "crlf"])
def test_bodies_lie_where_stalwart_finds_them(path, ends):
    raw = path.read_bytes()
    answer = path.with_suffix(".json" if ends == "lf" else ".crlf.json")
    if ends == "crlf":
        raw = raw.replace(b"\n", b"\r\n")
    theirs = list(leaves_of(json.loads(answer.read_text("utf-8"))["parts"]))
    root = mime.parse(raw)
    ours = [
        (part.body_start, part.body_end, mime.text(raw, part) if part.type == "text" else mime.decoded(raw, part))
        for part in root.walk()
        if not part.children and part.embedded is None
    ]
    if path.stem == ENCODED_MESSAGE:
        ours, theirs = ours[:1], theirs[:1]
    if path.stem == NOT_BASE64:
        ours, theirs = [one[:2] for one in ours], [one[:2] for one in theirs]
    assert ours == theirs


def people(expected):
    if not expected:
        return []
    if "Group" in expected:
        return [one for group in expected["Group"] for one in group["addresses"]]
    return expected["List"]


def bare(spec):
    """An address without quotes, white space, route and the scheme that list headers put before it."""
    return ROUTE.sub("", "".join(spec.split()).replace('"', "").removeprefix("mailto:"))


@pytest.mark.parametrize("case", values("address") if STALWART.exists() else [], ids=lambda case: case["header"][:40])
def test_addresses_agree(case):
    """Where they add comments to a name and keep spaces and routes in an address, we leave them out (RFC 5322 §4.4)."""
    ours = address.parse_addresses(value_of(case["header"]))
    theirs = [one for one in people(case["expected"]) if one["address"]]
    real = [one for one in ours if one.addr_spec]
    assert [bare(one.addr_spec) for one in real] == [bare(one["address"]) for one in theirs]
    if "(" not in case["header"]:
        assert [one.name for one in real] == [(one["name"] or "").strip() for one in theirs]


# A value of Received instead of Date, numbers of which none is a month, and a month written as a number.
NO_DATES = ("by 2002:", " 4 8 15", "20 11 (some")
OPEN_COMMENT = "Tue, 1 Jul 2003 ((invalid)"  # they give up at a comment that is never closed


@pytest.mark.parametrize("case", values("date") if STALWART.exists() else [], ids=lambda case: case["header"][:40])
def test_dates_agree(case):
    moment, expected = date.parse(case["header"]), case["expected"]
    if case["header"].startswith(NO_DATES) or expected is None:
        assert (moment is None) is not case["header"].startswith(OPEN_COMMENT)
        return
    offset = (expected["tz_hour"] * 60 + expected["tz_minute"]) * (-1 if expected["tz_before_gmt"] else 1)
    assert moment is not None
    assert [moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second] == [
        expected[unit] for unit in ("year", "month", "day", "hour", "minute", "second")
    ]
    assert moment.utcoffset().total_seconds() == offset * 60


@pytest.mark.parametrize("case", values("id") if STALWART.exists() else [], ids=lambda case: case["header"][:40])
def test_message_ids_agree(case):
    assert message_id.parse_all(value_of(case["header"])) == ["".join(one.split()) for one in case["expected"] or []]


@pytest.mark.parametrize(
    "case", values("unstructured") if STALWART.exists() else [], ids=lambda case: case["header"][:40]
)
def test_texts_agree(case):
    """But for white space, of which they make less at folds and more at encoded words."""
    ours = encoded_word.decode(value_of(case["header"]))
    assert "".join(ours.split()) == "".join((case["expected"] or "").split())


@pytest.mark.parametrize(
    "case", values("content_type") if STALWART.exists() else [], ids=lambda case: case["header"][:40]
)
def test_content_types_agree(case):
    """Only what has a type and a subtype: the rest has the default of RFC 2045 §5.2, and they report the words."""
    expected = case["expected"]
    if expected is None or not expected["c_subtype"] or case["header"].startswith(("á", "malicious", "test/encoded")):
        return
    kind, sub, params = parameter.content_type(value_of(case["header"]))
    assert (kind, sub) == (expected["c_type"], expected["c_subtype"].partition("/")[0])
    theirs = {
        key: "".join(text.split()) for key, text in expected.get("attributes") or [] if not key.endswith("-language")
    }
    ours = {key: "".join(encoded_word.decode(text.encode()).split()) for key, text in params.items()}
    if "iso-8859-1'\"" in case["header"] or "filename*1*=iso-8859-1'" in case["header"]:
        return  # a charset in every piece, which RFC 2231 §4.1 does not allow
    assert {key: text for key, text in ours.items() if text} == {key: text for key, text in theirs.items() if text}
