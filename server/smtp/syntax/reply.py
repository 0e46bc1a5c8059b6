"""Replies: a code, an enhanced code (RFC 3463) and words, and the table of all that we say.

Invariants: a reply line holds printable ASCII only, whatever went into its text, and never more than 512 octets; no exception
text and no class name ever gets here.
"""

from dataclasses import dataclass, replace

LINE_LIMIT = 512
"""RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets, CR LF included."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; `lines` beyond the first are for EHLO alone."""

    code: int
    enhanced: str | None
    text: str
    more: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.code < 400

    def saying(self, text: str) -> "Reply":
        """Return the same reply in other words."""
        return replace(self, text=text)

    def encode(self) -> bytes:
        """Return the wire form, RFC 5321 §4.2: `code-text` for all lines but the last."""
        lines = [self.text, *self.more]
        last = len(lines) - 1
        # RFC 2034 §4: the enhanced code stands in each line of a multi-line reply, but never in those to EHLO, HELO and 3xx.
        prefix = f"{self.enhanced} " if self.enhanced else ""
        return b"".join(
            f"{self.code}{' ' if i == last else '-'}{prefix}{_printable(line)}"[: LINE_LIMIT - 2].encode("ascii")
            + b"\r\n"
            for i, line in enumerate(lines)
        )


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)


class ProtocolError(Exception):
    """The peer broke the grammar; `reply` says how."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


OK = Reply(250, "2.0.0", "OK")
SENDER_OK = Reply(250, "2.1.0", "Sender accepted")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient accepted")
GO_AHEAD = Reply(354, None, "End data with <CR><LF>.<CR><LF>")
BYE = Reply(221, "2.0.0", "Goodbye")
READY_FOR_TLS = Reply(220, "2.0.0", "Ready to start TLS")
CANNOT_VERIFY = Reply(252, "2.5.0", "Not told here; send the message and see")
SIGNED_IN = Reply(235, "2.7.0", "Signed in")

LINE_END = Reply(500, "5.5.2", "Lines end with CR LF")
LINE_BYTES = Reply(500, "5.5.2", "That octet has no place in a command")
LINE_TOO_LONG = Reply(500, "5.5.2", "Line too long")
UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command not recognised")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
BAD_ARGUMENT = Reply(501, "5.5.4", "Argument not understood")
BAD_ADDRESS = Reply(553, "5.1.3", "That is not one address")
BAD_SENDER_ADDRESS = Reply(553, "5.1.7", "That is not one address")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "That address needs SMTPUTF8")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter not supported")
SAY_HELLO = Reply(503, "5.5.1", "Say EHLO first")
NESTED_MAIL = Reply(503, "5.5.1", "A transaction is under way already")
NEED_MAIL = Reply(503, "5.5.1", "MAIL first")
NEED_RECIPIENT = Reply(554, "5.5.1", "No valid recipients")
MIXED_DATA = Reply(503, "5.5.1", "BDAT and DATA do not mix")
TLS_ALREADY = Reply(503, "5.5.1", "TLS is on already")

TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients; send the rest in another transaction")
TOO_BIG = Reply(552, "5.3.4", "Message larger than allowed here")
SMUGGLING = Reply(550, "5.6.0", "Lines of a message end with CR LF; bare CR, bare LF and NUL are refused")
LOCAL_ERROR = Reply(451, "4.3.0", "Something failed here; try again later")
SHUTTING_DOWN = Reply(421, "4.3.2", "Shutting down; try again in a moment")
TIMED_OUT = Reply(421, "4.4.2", "Nothing heard for too long")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors")
TOO_MANY_CONNECTIONS = Reply(421, "4.7.0", "Too many connections")
NOT_HTTP = Reply(421, "4.7.0", "This is a mail server")

UNKNOWN_USER = Reply(550, "5.1.1", "No such mailbox here")
NO_RELAY = Reply(550, "5.7.1", "Relaying denied")
OVER_QUOTA = Reply(452, "4.2.2", "Mailbox full; try again later")
OVER_QUOTA_FOR_EVER = Reply(552, "5.2.2", "Message larger than the whole mailbox may be")

NEED_AUTH = Reply(530, "5.7.0", "Sign in first")
SIGNED_OUT = Reply(421, "4.7.0", "Your sign-in has ended")
AUTH_NEEDS_TLS = Reply(538, "5.7.11", "Start TLS before signing in")
AUTH_FAILED = Reply(535, "5.7.8", "User name or password not right")
AUTH_ACTING = Reply(535, "5.7.8", "Nobody may sign in for somebody else here")
AUTH_THROTTLED = Reply(454, "4.7.0", "Too many tries; wait a moment")
AUTH_ALREADY = Reply(503, "5.5.1", "Signed in already")
AUTH_MECHANISM = Reply(504, "5.5.4", "Unknown mechanism")
AUTH_UNCHECKED = Reply(454, "4.7.0", "Sign-ins cannot be checked now; try again later")
AUTH_UNAVAILABLE = Reply(454, "4.7.0", "This mechanism cannot be used now; try again later")
AUTH_BINDING = Reply(504, "5.5.4", "This mechanism is offered without channel binding and extensions")
AUTH_CANCELLED = Reply(501, "5.7.0", "Sign-in cancelled")
AUTH_ENCODING = Reply(501, "5.5.2", "That is not base64 of what this mechanism asks for")
NOT_YOUR_ADDRESS = Reply(553, "5.7.1", "That sender address does not belong to you")
FROM_MISSING = Reply(550, "5.6.0", "The message has no From")
FROM_TWICE = Reply(554, "5.6.0", "The message has more than one From")
FROM_AMBIGUOUS = Reply(554, "5.6.0", "From can be read in more than one way; quote the name, or leave it out")
HEADER_TOO_LONG = Reply(554, "5.6.0", "The header is longer than is read here")
