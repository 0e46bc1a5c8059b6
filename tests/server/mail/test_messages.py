"""Golden messages: each `tests/messages/NAME.eml` is understood as `NAME.json` beside it says."""

import json
from pathlib import Path

import pytest

from server.mail import mime
from server.mail.summary import summarise
from tests.fakes import imap_values

MESSAGES = sorted((Path(__file__).parents[2] / "messages").glob("*.eml"))


def addresses(found):
    return [[one.name, one.addr_spec] for one in found]


def part(raw, one):
    return {
        "path": one.path,
        "type": one.content_type,
        "filename": one.filename,
        "content_id": one.content_id,
        "disposition": one.disposition,
        "octets": [one.header_start, one.body_start, one.body_end],
        "decoded": None if one.children or one.embedded is not None else mime.decoded(raw, one).decode("latin-1"),
    }


def understood(raw):
    """All that is known of a message, in a form that JSON can hold."""
    found = summarise(raw)
    return {
        "subject": found.subject,
        "base_subject": found.base_subject,
        "from": addresses(found.from_),
        "sender": addresses(found.sender),
        "reply_to": addresses(found.reply_to),
        "to": addresses(found.to),
        "cc": addresses(found.cc),
        "sent_at": found.sent_at.isoformat() if found.sent_at else None,
        "sent_on": found.sent_on,
        "message_id": found.message_id,
        "references": list(found.references),
        "preview": found.preview,
        "text": found.text,
        "has_attachment": found.has_attachment,
        "attachment_names": list(found.attachment_names),
        "envelope": found.envelope.decode("latin-1"),
        "bodystructure": found.bodystructure.decode("latin-1"),
        "body": found.body.decode("latin-1"),
        "parts": [part(raw, one) for one in mime.parse(raw).walk()],
    }


def test_there_are_messages():
    assert len(MESSAGES) >= 10


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_a_message_is_understood(path):
    raw = path.read_bytes()
    found = understood(raw)
    assert found == json.loads(path.with_suffix(".json").read_text("utf-8"))
    imap_values.check_envelope(imap_values.read(found["envelope"].encode("latin-1")))
    imap_values.check_body(imap_values.read(found["bodystructure"].encode("latin-1")), extended=True)


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_with_other_line_ends_it_is_the_same_message(path):
    raw = path.read_bytes()
    bare = summarise(raw.replace(b"\r\n", b"\n"))
    full = summarise(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert (bare.envelope, bare.subject, bare.text, bare.preview) == (
        full.envelope,
        full.subject,
        full.text,
        full.preview,
    )
    assert (bare.has_attachment, bare.attachment_names) == (full.has_attachment, full.attachment_names)
