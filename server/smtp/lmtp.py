"""LMTP on loopback: how the collector and the queue hand in mail for people of this house (RFC 2033).

Invariants: one reply a recipient, each true on its own; a delivery named by ENVID is filed once however often it is repeated
(the peer may crash between our reply and its own bookkeeping). Whoever can connect here is trusted with XMAILBOX, XDATE and
ENVID, therefore the listener is bound to 127.0.0.1 only.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from server.delivery.pipeline import Pipeline
from server.delivery.recipients import Addressee
from server.smtp.handler import Accepted, Client, Transaction
from server.smtp.receive import REFUSALS
from server.smtp.syntax import reply as r
from server.smtp.syntax.parameters import MAIL_LMTP, Mail, Rcpt
from server.smtp.syntax.reply import Reply

LATEST = 253_402_300_799
"""The last second of the year 9999: a later date no client can read."""


class LocalDelivery:
    """The handler of the LMTP port."""

    lmtp = True
    needs_sign_in = False
    mail_parameters = MAIL_LMTP

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def mail(self, _client: Client, mail: Mail) -> Reply:
        return r.BAD_ARGUMENT if (mail.received_at or 0) > LATEST else r.SENDER_OK

    async def recipient(self, _client: Client, transaction: Transaction, rcpt: Rcpt) -> Accepted | Reply:
        found = await self._pipeline.resolve(rcpt.address, transaction.mail.size)
        return Accepted(rcpt, found) if isinstance(found, Addressee) else REFUSALS[found]

    async def message(self, client: Client, transaction: Transaction, raw: bytes) -> Sequence[Reply]:
        mail = transaction.mail
        envelope = replace(
            transaction.envelope(),
            mailbox=mail.mailbox,
            internaldate=None if mail.received_at is None else datetime.fromtimestamp(mail.received_at, UTC),
        )
        known = [a.addressee for a in transaction.accepted if a.addressee is not None]
        results = await self._pipeline.deliver(envelope, raw, client.session, profile="fetched", addressees=known)
        return tuple(Reply(x.code, x.enhanced, x.text) for x in results)
