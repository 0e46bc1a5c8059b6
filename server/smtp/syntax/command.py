"""Command lines.

Invariants: a line is taken only if CR LF ends it and neither CR, LF nor NUL stands inside (security.md T096: what one server
takes for the end of a line and another does not is how messages are smuggled).

RFC 5321 §2.3.8 (lines), §2.4 (verbs in any case), RFC 6531 §3.1 (UTF-8 in arguments).
"""

import re
from dataclasses import dataclass

from server.smtp.syntax import reply as r
from server.smtp.syntax.reply import ProtocolError

VERB = re.compile(rb"[A-Za-z]{1,16}(?= |$)")
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
FOREIGN = re.compile(
    rb"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS|CONNECT|PATCH|TRACE|PRI) |[A-Z]+ [^ ]+ (?:HTTP|RTSP|SIP)/|(?:Host|User-Agent):",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Command:
    """A verb in upper case and what followed it, without the blanks around."""

    verb: str
    argument: str


def is_foreign(line: bytes) -> bool:
    """Tell whether a line is another protocol's, such as a browser's that a page sent here (security.md T104)."""
    return FOREIGN.match(line) is not None


def parse(line: bytes, *, limit: int) -> Command:
    """Read one line as it came, line end included.

    Raises:
        ProtocolError: With the reply to give.
    """
    if not line.endswith(b"\r\n"):
        raise ProtocolError(r.LINE_END)
    if len(line) > limit:
        raise ProtocolError(r.LINE_TOO_LONG)
    body = line[:-2]
    if b"\r" in body or b"\n" in body or b"\0" in body:
        raise ProtocolError(r.LINE_BYTES)
    found = VERB.match(body)
    if found is None:
        raise ProtocolError(r.UNKNOWN_COMMAND)
    try:
        argument = body[found.end() :].decode("utf-8").strip(" ")
    except UnicodeDecodeError:
        raise ProtocolError(r.LINE_BYTES) from None
    # RFC 5321 §4.1.2 and RFC 6531 §3.1: no control characters in arguments; a tab is one.
    if not argument.isprintable() and CONTROL.search(argument):
        raise ProtocolError(r.LINE_BYTES)
    return Command(found.group().decode("ascii").upper(), argument)
