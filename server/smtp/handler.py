"""What a listener does with mail, as the protocol sees it: three questions, answered by replies.

`receive` (port 25), `submission` (587 and 465) and `lmtp` are the three answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from server.accounts.account import Account
from server.delivery.envelope import Envelope, RecipientOptions, SessionInfo
from server.delivery.recipients import Addressee
from server.smtp.syntax.parameters import Mail, Rcpt
from server.smtp.syntax.reply import Reply


@dataclass(frozen=True, slots=True)
class Accepted:
    """A recipient we said 250 to; `addressee` is None when the address is not of this house."""

    rcpt: Rcpt
    addressee: Addressee | None


@dataclass(slots=True)
class Transaction:
    """What was accepted since MAIL."""

    mail: Mail
    id: str
    accepted: list[Accepted] = field(default_factory=list)

    def envelope(self) -> Envelope:
        options = {
            a.rcpt.address: RecipientOptions(a.rcpt.notify, a.rcpt.original)
            for a in self.accepted
            if a.rcpt.notify is not None or a.rcpt.original is not None
        }
        return Envelope(
            self.mail.reverse_path,
            tuple(a.rcpt.address for a in self.accepted),
            envelope_id=self.mail.envelope_id,
            ret=self.mail.ret,
            options=options,
            eight_bit=self.mail.eight_bit,
            smtputf8=self.mail.smtputf8,
        )


@dataclass(frozen=True, slots=True)
class Client:
    """Who is connected."""

    session: SessionInfo
    account: Account | None


class Handler(Protocol):
    """The policy of one listener. Replies that are not `ok` refuse."""

    @property
    def lmtp(self) -> bool:
        """LHLO in place of EHLO, one reply a recipient after the data (RFC 2033)."""
        ...

    @property
    def needs_sign_in(self) -> bool:
        """AUTH is offered, and nothing goes without it."""
        ...

    @property
    def mail_parameters(self) -> frozenset[str]: ...

    async def mail(self, client: Client, mail: Mail) -> Reply: ...

    async def recipient(self, client: Client, transaction: Transaction, rcpt: Rcpt) -> Accepted | Reply: ...

    async def message(self, client: Client, transaction: Transaction, raw: bytes) -> Sequence[Reply]:
        """Take the message. Durable before a reply with 250 is returned; one reply, or for LMTP one a recipient."""
        ...
