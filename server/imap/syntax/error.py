"""The one error of the grammar: what a client sent is not IMAP. It becomes a tagged BAD.

The text is written for the client and never repeats what it sent.
"""


class ProtocolError(Exception):
    """The command cannot be understood; `text` is safe to send, `code` the response code that goes with it."""

    def __init__(self, text: str, code: bytes | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class Cancelled(ProtocolError):
    """The client took back what it had begun. That is answered with BAD, too, and is no mistake of its."""


class NumberUsed(ProtocolError):
    """A message number where the client has said that there are none (RFC 9586 §3)."""

    def __init__(self) -> None:
        super().__init__("Messages are named by their uids only", b"UIDREQUIRED")


class NoMailboxName(ProtocolError):
    """The command is one, but no mailbox can have the name that it gives: a tagged NO."""
