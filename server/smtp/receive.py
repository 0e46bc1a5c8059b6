"""Port 25: mail from strangers for people of this house.

Invariants: nothing is relayed, nothing is accepted that would have to come back (unknown names are refused at RCPT); the one
reply after the data is 250 only when every recipient has the message on disk, or the queue has what could not be filed now.
"""

from collections.abc import Sequence

from server.delivery.envelope import Result
from server.delivery.pipeline import Pipeline
from server.delivery.recipients import Addressee, Refusal
from server.smtp.handler import Accepted, Client, Transaction
from server.smtp.syntax import reply as r
from server.smtp.syntax.parameters import MAIL_SMTP, Mail, Rcpt
from server.smtp.syntax.reply import Reply

REFUSALS = {
    Refusal.UNKNOWN: r.UNKNOWN_USER,
    Refusal.RELAY: r.NO_RELAY,
    Refusal.OVER_QUOTA: r.OVER_QUOTA,
    Refusal.NEVER_FITS: r.OVER_QUOTA_FOR_EVER,
}


class Receiver:
    """The handler of port 25."""

    lmtp = False
    needs_sign_in = False
    mail_parameters = MAIL_SMTP

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def mail(self, _client: Client, _mail: Mail) -> Reply:
        return r.SENDER_OK

    async def recipient(self, _client: Client, transaction: Transaction, rcpt: Rcpt) -> Accepted | Reply:
        found = await self._pipeline.resolve(rcpt.address, transaction.mail.size)
        return Accepted(rcpt, found) if isinstance(found, Addressee) else REFUSALS[found]

    async def message(self, client: Client, transaction: Transaction, raw: bytes) -> Sequence[Reply]:
        known = [a.addressee for a in transaction.accepted if a.addressee is not None]
        results = await self._pipeline.deliver(
            transaction.envelope(), raw, client.session, profile="smtp", addressees=known
        )
        return (single_reply(results, transaction.id),)


def single_reply(results: Sequence[Result], identifier: str) -> Reply:
    """One reply for all recipients: 250 when all is well, else what lets the peer try again, else the refusal."""
    bad = [result for result in results if not result.ok]
    if not bad:
        return Reply(250, "2.0.0", f"Delivered as {identifier}")
    worst = next((b for b in bad if b.code < 500), bad[0])
    return Reply(worst.code, worst.enhanced, worst.text)
