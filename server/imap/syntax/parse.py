"""A raw command to a value: tag, name, then the arguments of that name.

    command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF

`parse` does it in one go; a session takes the three steps one by one, so that BAD can carry the tag and a command of another state
is refused before its arguments are looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

from server.imap.syntax import command as c
from server.imap.syntax import parse_acl as acl
from server.imap.syntax import parse_mailbox as mailbox
from server.imap.syntax import parse_message as message
from server.imap.syntax import parse_metadata as metadata
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.notify import notify
from server.imap.syntax.token import Reader

MAX_ID_PAIRS = 30  # RFC 2971 §3.3
MAX_ENABLE = 20


@dataclass(frozen=True, slots=True)
class Parsed:
    """`name` is the key of the dispatch table: `UID FETCH` for the uid forms."""

    tag: bytes
    name: str
    command: c.Command


class UnknownCommand(ProtocolError):
    """No command has this name."""


def name_of(reader: Reader) -> str:
    """The command's name in capitals, read after the tag; raises ProtocolError."""
    reader.space()
    name = reader.keyword("A command")
    if name == "UID":
        reader.space()
        name = f"UID {reader.keyword('A command')}"
    return name


def arguments(name: str, reader: Reader) -> c.Command:
    """The command called `name` with what the reader holds; raises ProtocolError."""
    read = _PARSERS.get(name)
    if read is None:
        raise UnknownCommand("Unknown command")
    command = read(reader)
    reader.end()
    return command


def parse(raw: RawCommand, *, utf8: bool = False) -> Parsed:
    """The whole of it at once; raises ProtocolError."""
    reader = Reader(raw, utf8=utf8)
    tag = reader.tag()
    name = name_of(reader)
    return Parsed(tag, name, arguments(name, reader))


def _id(reader: Reader) -> c.Id:
    """Read id.

    id = "ID" SP id-params-list ; id-params-list = "(" [string SP nstring *(...)] ")" / nil
    """
    reader.space()
    if reader.try_keyword("NIL"):
        return c.Id(())
    values = reader.parenthesised(reader.nstring, limit=2 * MAX_ID_PAIRS, empty=True)
    if len(values) % 2:
        reader.fail("ID needs pairs of name and value")
    pairs = []
    for name, value in zip(values[::2], values[1::2], strict=True):
        if name is None:
            reader.fail("An ID name must not be NIL")
        pairs.append((name, value))
    return c.Id(tuple(pairs))


def _authenticate(reader: Reader) -> c.Authenticate:
    """Read authenticate.

    authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] (RFC 4959)
    """
    reader.space()
    mechanism = reader.keyword("A mechanism")
    if not reader.try_space():
        return c.Authenticate(mechanism)
    return c.Authenticate(mechanism, reader.base64())


def _login(reader: Reader) -> c.Login:
    reader.space()
    username = reader.astring()
    reader.space()
    return c.Login(username, reader.astring())


def _enable(reader: Reader) -> c.Enable:
    names = []
    while reader.try_space():
        names.append(reader.keyword("A capability"))
        if len(names) > MAX_ENABLE:
            reader.fail("Too many capabilities")
    if not names:
        reader.fail("A capability is missing")
    return c.Enable(tuple(names))


def _compress(reader: Reader) -> c.Compress:
    """Read compress (RFC 4978 §5).

    compress = "COMPRESS" SP algorithm ; algorithm = "DEFLATE"
    """
    reader.space()
    if reader.keyword("An algorithm") != "DEFLATE":
        reader.fail("Unknown algorithm")
    return c.Compress()


_PARSERS: dict[str, Callable[[Reader], c.Command]] = {
    "CAPABILITY": lambda _: c.Capability(),
    "NOOP": lambda _: c.Noop(),
    "LOGOUT": lambda _: c.Logout(),
    "ID": _id,
    "STARTTLS": lambda _: c.StartTls(),
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "ENABLE": _enable,
    "COMPRESS": _compress,
    "UNAUTHENTICATE": lambda _: c.Unauthenticate(),
    "SELECT": mailbox.select,
    "EXAMINE": mailbox.examine,
    "CREATE": mailbox.create,
    "DELETE": mailbox.delete,
    "RENAME": mailbox.rename,
    "SUBSCRIBE": mailbox.subscribe,
    "UNSUBSCRIBE": mailbox.unsubscribe,
    "LIST": mailbox.list_,
    "LSUB": mailbox.lsub,
    "NAMESPACE": lambda _: c.Namespace(),
    "STATUS": mailbox.status,
    "APPEND": mailbox.append,
    "REPLACE": lambda reader: mailbox.replace(reader, uid=False),
    "UID REPLACE": lambda reader: mailbox.replace(reader, uid=True),
    "IDLE": lambda _: c.Idle(),
    "NOTIFY": notify,
    "GETQUOTA": mailbox.get_quota,
    "GETQUOTAROOT": mailbox.get_quota_root,
    "GETMETADATA": metadata.get_metadata,
    "SETMETADATA": metadata.set_metadata,
    "SETACL": acl.set_acl,
    "DELETEACL": acl.delete_acl,
    "GETACL": acl.get_acl,
    "LISTRIGHTS": acl.list_rights,
    "MYRIGHTS": acl.my_rights,
    "CHECK": lambda _: c.Check(),
    "CLOSE": lambda _: c.Close(),
    "UNSELECT": lambda _: c.Close(expunge=False),
    "EXPUNGE": lambda _: c.Expunge(),
    "UID EXPUNGE": message.uid_expunge,
    "SEARCH": lambda reader: message.search(reader, uid=False),
    "UID SEARCH": lambda reader: message.search(reader, uid=True),
    "ESEARCH": message.esearch,
    "CANCELUPDATE": message.cancel_update,
    "SORT": lambda reader: message.sort(reader, uid=False),
    "UID SORT": lambda reader: message.sort(reader, uid=True),
    "THREAD": lambda reader: message.thread(reader, uid=False),
    "UID THREAD": lambda reader: message.thread(reader, uid=True),
    "FETCH": lambda reader: message.fetch(reader, uid=False),
    "UID FETCH": lambda reader: message.fetch(reader, uid=True),
    "STORE": lambda reader: message.store(reader, uid=False),
    "UID STORE": lambda reader: message.store(reader, uid=True),
    "COPY": lambda reader: message.copy(reader, uid=False, move=False),
    "UID COPY": lambda reader: message.copy(reader, uid=True, move=False),
    "MOVE": lambda reader: message.copy(reader, uid=False, move=True),
    "UID MOVE": lambda reader: message.copy(reader, uid=True, move=True),
}
