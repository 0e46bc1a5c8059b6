"""The one error of the grammar: what a client sent is not IMAP. It becomes a tagged BAD.

The text is written for the client and never repeats what it sent.
"""


class ProtocolError(Exception):
    """The command cannot be understood; `text` is safe to send."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Cancelled(ProtocolError):
    """The client took back what it had begun. That is answered with BAD, too, and is no mistake of its."""
