"""What can go wrong when the webmail talks to its mail server, in three kinds that a page can act on.

The text of the server is kept for the log; a page shows its own words (no exception text to a person).
"""

import re

_CODE = re.compile(r"(?:NO |BAD )?\[([A-Z][A-Z0-9-]*)[^\]]*\]")


class MailError(Exception):
    """Base of the three."""


class MailUnavailable(MailError):
    """The mail server cannot be reached or did not answer in time: try again later."""


class SignInExpired(MailError):
    """The server does not know the session's token any more: sign in again."""


class MailRefused(MailError):
    """The server understood and said no; `code` is its response code (RFC 9051 §7.1), such as NONEXISTENT or OVERQUOTA."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code

    @classmethod
    def from_text(cls, text: str) -> "MailRefused":
        match = _CODE.match(text)
        return cls(match[1] if match else "", text)
