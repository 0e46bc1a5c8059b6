"""Sending: the webmail's door to submission (the only importer of smtplib here), and the memory of what was sent.

Invariants: a letter that was accepted once is not sent again however often the button is pressed (T091): the row of its
writing id says `sent`; addresses come from parsed values only (T088); the connection is ours on loopback, else TLS is demanded.
"""

import smtplib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select, update

from server.config import Settings
from server.db.schema import Schema
from server.db.transaction import Writer
from server.mail.address import parse_addr_spec
from webmail import doors
from webmail.doors import Door

METADATA = MetaData()
sent_letter = Table(
    "sent_letter",
    METADATA,
    Column("account_id", Integer, primary_key=True),
    Column("writing_id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("since", Integer, nullable=False),
)

SCHEMA = Schema("sent_letter", 1, METADATA)

CONNECT_SECONDS = 15.0
UNDER_WAY_SECONDS = 120
"""After this a sending that never ended (the process was killed) may be tried again."""
REMEMBER_SECONDS = 7 * 24 * 3600
WRITING_ID_LIMIT = 64
OWN_NAME = "localhost"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One recipient that the server did not take, with its words."""

    address: str
    code: int
    text: str


class NotSent(Exception):
    """Nobody got it. `refusals` names recipients when they were the reason; `temporary` when trying again may help."""

    def __init__(self, reason: str, refusals: Sequence[Refusal] = (), *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.refusals, self.temporary = reason, tuple(refusals), temporary


def claim(w: Writer, account_id: int, writing_id: str) -> str:
    """Begin to send what was written under this id: `go`, or what it is already: `sent`, `under-way`."""
    now = int(time.time())
    w.execute(delete(sent_letter).where(sent_letter.c.since < now - REMEMBER_SECONDS))
    key = (sent_letter.c.account_id == account_id, sent_letter.c.writing_id == writing_id)
    found = w.execute(select(sent_letter.c.state, sent_letter.c.since).where(*key)).first()
    if found is None:
        w.execute(
            insert(sent_letter).values(account_id=account_id, writing_id=writing_id, state="under-way", since=now)
        )
        return "go"
    if found.state == "sent":
        return "sent"
    if found.since > now - UNDER_WAY_SECONDS:
        return "under-way"
    w.execute(update(sent_letter).where(*key).values(since=now))
    return "go"


def settle(w: Writer, account_id: int, writing_id: str, *, sent: bool) -> None:
    """Write down how the sending ended; one that failed may be tried again at once."""
    key = (sent_letter.c.account_id == account_id, sent_letter.c.writing_id == writing_id)
    if sent:
        w.execute(update(sent_letter).where(*key).values(state="sent", since=int(time.time())))
    else:
        w.execute(delete(sent_letter).where(*key))


def send(
    settings: Settings, address: str, secret: str, sender: str, recipients: Sequence[str], raw: bytes
) -> list[Refusal]:
    """Hand a letter to the submission server; the recipients it did not take while it took others.

    Raises:
        NotSent: No recipient was taken, or no connection.
    """
    # T088: smtplib reads addresses generously; what is none is stopped before there is a connection.
    bad = [Refusal(one, 553, "5.1.3 not an address") for one in (sender, *recipients) if parse_addr_spec(one) is None]
    if bad:
        raise NotSent("recipients", bad)
    try:
        with _connected(doors.submission(settings)) as client:
            client.ehlo_or_helo_if_needed()
            client.user, client.password = address, secret  # smtplib's own way for auth()
            client.auth("PLAIN", client.auth_plain)
            # Reading the letter and making it durable may take its time; nobody is helped by giving up early.
            if client.sock is not None:
                client.sock.settimeout(settings.limits.read_timeout)
            # RFC 6531 §3.4: only a letter that needs it asks for SMTPUTF8.
            needs_utf8 = not all(one.isascii() for one in (sender, *recipients))
            options = ["BODY=8BITMIME"] if client.has_extn("8bitmime") else []
            options += ["SMTPUTF8"] if needs_utf8 else []
            refused = client.sendmail(sender, list(recipients), raw, options)
    except smtplib.SMTPRecipientsRefused as error:
        raise NotSent("recipients", _refusals(error.recipients)) from error
    except smtplib.SMTPAuthenticationError as error:
        raise NotSent("signed-out") from error
    except smtplib.SMTPResponseException as error:
        text = _words(error.smtp_error)
        raise NotSent(text, temporary=400 <= error.smtp_code < 500) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent("unreachable", temporary=True) from error
    return _refusals(refused)


def _connected(door: Door) -> smtplib.SMTP:
    if door.protection == "implicit":
        return smtplib.SMTP_SSL(door.host, door.port, OWN_NAME, timeout=CONNECT_SECONDS, context=door.context)
    client = smtplib.SMTP(door.host, door.port, OWN_NAME, timeout=CONNECT_SECONDS)
    if door.protection == "starttls":
        try:
            client.starttls(context=door.context)
        except BaseException:
            client.close()
            raise
    return client


def _refusals(refused: object) -> list[Refusal]:
    found = []
    if isinstance(refused, dict):
        for address, answer in refused.items():
            with suppress(TypeError, ValueError):
                code, text = answer
                found.append(Refusal(str(address), int(code), _words(text)))
    return found


def _words(text: object) -> str:
    """The server's sentence on one line; our pages escape it."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())[:300]
