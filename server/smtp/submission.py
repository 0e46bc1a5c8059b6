"""Ports 587 and 465: our own people send.

Everything goes through the queue, also what stays in this house: one durable transaction holds all recipients, so a message is
never half accepted; retries, reports and DSN work the same for all; and the sender waits for one commit, not for the
slowest mailbox. The worker is woken at once, so local mail arrives milliseconds later.

Invariants: nobody sends as somebody else, neither in the envelope nor in From (security.md T086, T087), and what is sent has a From
that every reader reads alike (T112); Bcc never leaves (T090); a header too long to be read whole is refused, since what stands
beyond could be anything; 250 only after `queue.submit` returned.

RFC 6409 §6.1, §8 (what a submission server may add), RFC 5322 §3.6 (which fields there must be, and how many).
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

from server.accounts.account import Account
from server.clock import Clock
from server.delivery import trace_fields
from server.delivery.envelope import Envelope
from server.delivery.pipeline import Pipeline, QueueSubmit
from server.delivery.recipients import Addressee, Refusal
from server.delivery.verdict import Action
from server.log import get_logger
from server.mail import address, date, header, message_id
from server.mail.address import Address
from server.mail.limits import DEFAULT
from server.queue.model import AddressRefused, domain_of
from server.smtp.handler import Accepted, Client, Transaction
from server.smtp.receive import REFUSALS
from server.smtp.syntax import reply as r
from server.smtp.syntax.parameters import MAIL_SMTP, Mail, Rcpt
from server.smtp.syntax.reply import Reply

FROM_LIMIT = 4_096
"""Octets of a From. Its reader gives up after some thousands of tokens, and here nothing may be left unread."""
_NOT_BARE = re.compile(rb'"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)', re.DOTALL)

log = get_logger("smtp.submission")


class Owners(Protocol):
    """What is needed of `server.accounts.directory.Directory`."""

    async def may_send_as(self, account_id: int, address: str) -> bool: ...


class Submission:
    """The handler of the submission ports."""

    lmtp = False
    needs_sign_in = True
    mail_parameters = MAIL_SMTP

    def __init__(
        self, pipeline: Pipeline, queue_submit: QueueSubmit, owners: Owners, clock: Clock, hostname: str
    ) -> None:
        self._pipeline, self._queue_submit, self._owners = pipeline, queue_submit, owners
        self._clock, self._hostname = clock, hostname

    async def mail(self, client: Client, mail: Mail) -> Reply:
        # The null reverse-path is for read receipts (RFC 8098 §2.1); From is looked at all the same.
        if mail.reverse_path and not await self._owns(client, mail.reverse_path):
            return r.NOT_YOUR_ADDRESS
        return r.SENDER_OK

    async def recipient(self, _client: Client, transaction: Transaction, rcpt: Rcpt) -> Accepted | Reply:
        found = await self._pipeline.resolve(rcpt.address, transaction.mail.size)
        if found is Refusal.RELAY:
            try:
                domain_of(rcpt.address)
            except AddressRefused:
                return r.BAD_ADDRESS
            return Accepted(rcpt, None)
        return Accepted(rcpt, found) if isinstance(found, Addressee) else REFUSALS[found]

    async def message(self, client: Client, transaction: Transaction, raw: bytes) -> Sequence[Reply]:
        if client.account is None:
            return (r.NEED_AUTH,)
        envelope = transaction.envelope()
        refusal = await self._refused(client, envelope, raw)
        if refusal is not None:
            return (refusal,)
        complete = completed(raw, self._hostname, transaction.id, date.format(self._clock.now()))
        marked = trace_fields.received(envelope, client.session, self._hostname, self._clock.now()) + complete
        queue_id = await self._queue_submit(
            envelope, marked, sender_account=client.account.id, key=_key(client.account, envelope, raw)
        )
        log.info("submitted", account=client.account.id, queue_id=queue_id, recipients=len(envelope.recipients))
        return (Reply(250, "2.0.0", f"Queued as {queue_id}"),)

    async def _owns(self, client: Client, sender: str) -> bool:
        return client.account is not None and await self._owners.may_send_as(client.account.id, sender)

    async def _refused(self, client: Client, envelope: Envelope, raw: bytes) -> Reply | None:
        verdict = await self._pipeline.judge(envelope, raw, client.session, profile="submission")
        if verdict.action >= Action.DEFER and verdict.reason is not None:
            return Reply(verdict.reason.code, verdict.reason.enhanced, verdict.reason.text)
        block, body = header.split(raw)
        if body > DEFAULT.header_octets or len(block) >= DEFAULT.header_fields:
            return r.HEADER_TOO_LONG
        fields = block.all("From")
        if len(fields) != 1:
            # RFC 5322 §3.6: exactly one. Two of them let two programs see two authors.
            return r.FROM_TWICE if fields else r.FROM_MISSING
        if len(fields[0]) > FROM_LIMIT:
            return r.HEADER_TOO_LONG
        authors = address.parse_addresses(fields[0])
        if not authors:
            return r.FROM_MISSING
        if _is_ambiguous(fields[0], authors):
            return r.FROM_AMBIGUOUS
        for author in authors:
            if not await self._owns(client, author.addr_spec):
                return r.NOT_YOUR_ADDRESS
        return None


def _is_ambiguous(value: bytes, authors: Sequence[Address]) -> bool:
    """Tell whether an address of somebody else stands where another reader might look for the author (CVE-2023-27043).

    In quotes or in a comment it is only a name; bare, as in `boss@bank <me@here>`, half of all programs take it for the address.
    """
    bare = _NOT_BARE.sub(b" ", value)
    if bare.count(b"@") == len(authors) and b'"' not in bare:
        return False
    return any(author.misleading or author.name.count("@") > 1 for author in authors) or b'"' in bare


def completed(raw: bytes, hostname: str, unique: str, now: str) -> bytes:
    """RFC 6409 §8.2, §8.3: add Date and Message-ID where they are missing. RFC 5322 §3.6.3: Bcc goes."""
    block, _ = header.split(raw)
    missing = b""
    if "Date" not in block:
        missing += f"Date: {now}\r\n".encode("ascii")
    if "Message-ID" not in block:
        missing += f"Message-ID: <{message_id.make(hostname, unique)}>\r\n".encode("ascii")
    if "Bcc" in block or "Resent-Bcc" in block:
        raw = trace_fields.without(raw, {"bcc", "resent-bcc"})
    return missing + raw


def _key(account: Account, envelope: Envelope, raw: bytes) -> str | None:
    """Name a submission whose sender named it: the same ENVID with the same octets is the same submission, sent again.

    The octets as they came: what we add to them (Date) is not the same the second time.
    """
    if not envelope.envelope_id:
        return None
    mark = hashlib.sha256(raw).hexdigest()
    return f"submission:{account.id}:{envelope.envelope_id}:{mark}"
