"""What the server refuses and how the refusal is worded: one table from reasons to response codes.

Handlers raise `Refusal(reason)`; errors of the store and of the accounts become reasons here. A text never comes from an exception,
so nothing internal reaches a client. RFC 5530 and RFC 9051 §7.1 define the codes.
"""

from dataclasses import dataclass
from enum import Enum, auto

from server.accounts.errors import AuthenticationFailed, Throttled
from server.db import errors as db
from server.store import annotations
from server.store import errors as store


class Reason(Enum):
    NO_SUCH_MAILBOX = auto()
    NO_SUCH_TARGET = auto()
    MAILBOX_EXISTS = auto()
    NAME_INVALID = auto()
    CANNOT_DELETE = auto()
    HAS_CHILDREN = auto()
    CANNOT_RENAME = auto()
    VIRTUAL = auto()
    USE_ATTRIBUTE = auto()
    READ_ONLY = auto()
    NO_PERMISSION = auto()
    ACROSS_ACCOUNTS = auto()
    OWNER_RIGHTS = auto()
    NO_SUCH_IDENTIFIER = auto()
    OVER_QUOTA = auto()
    TOO_BIG = auto()
    LIMIT = auto()
    METADATA_TOO_BIG = auto()
    METADATA_TOO_MANY = auto()
    METADATA_OF_ALL = auto()
    METADATA_NO_PRIVATE = auto()
    BAD_CHARSET = auto()
    UNKNOWN_CTE = auto()
    FLAG_INVALID = auto()
    AUTHENTICATION_FAILED = auto()
    AUTHORIZATION_FAILED = auto()
    THROTTLED = auto()
    PRIVACY_REQUIRED = auto()
    NO_TLS = auto()
    NO_MECHANISM = auto()
    NOT_SUPPORTED = auto()
    NO_SIGN_IN = auto()
    NO_SUCH_QUOTA = auto()
    NO_ROOM = auto()
    EXPUNGED = auto()
    BAD_EVENT = auto()
    NOT_SAVED = auto()
    NOTIFICATION_OVERFLOW = auto()
    NO_SUCH_MESSAGE = auto()
    CANCELLED = auto()
    BAD_URL = auto()
    DAMAGED = auto()
    CORRUPT = auto()
    UNAVAILABLE = auto()
    INTERNAL = auto()


@dataclass(frozen=True, slots=True)
class Wording:
    code: bytes | None
    text: str


_TABLE = {
    Reason.NO_SUCH_MAILBOX: Wording(b"NONEXISTENT", "There is no such mailbox"),
    Reason.NO_SUCH_TARGET: Wording(b"TRYCREATE", "There is no such mailbox; create it first"),
    Reason.MAILBOX_EXISTS: Wording(b"ALREADYEXISTS", "There is a mailbox of this name already"),
    Reason.NAME_INVALID: Wording(b"CANNOT", "A mailbox cannot have this name"),
    Reason.CANNOT_DELETE: Wording(b"CANNOT", "This mailbox cannot be deleted"),
    Reason.HAS_CHILDREN: Wording(b"HASCHILDREN", "Delete the mailboxes inside it first"),
    Reason.CANNOT_RENAME: Wording(b"CANNOT", "This mailbox cannot be renamed that way"),
    Reason.VIRTUAL: Wording(b"CANNOT", "This mailbox shows mail of other mailboxes; it cannot be changed or filled"),
    Reason.USE_ATTRIBUTE: Wording(b"USEATTR", "This special use is unknown or taken"),
    Reason.READ_ONLY: Wording(b"READ-ONLY", "The mailbox is open for reading only"),
    Reason.NO_PERMISSION: Wording(b"NOPERM", "You have no right to do this with the mailbox"),
    Reason.ACROSS_ACCOUNTS: Wording(b"CANNOT", "This cannot be done from one account to another"),
    Reason.OWNER_RIGHTS: Wording(b"CANNOT", "The owner of a mailbox always has every right"),
    Reason.NO_SUCH_IDENTIFIER: Wording(b"CANNOT", "There is no account of this address here"),
    Reason.OVER_QUOTA: Wording(b"OVERQUOTA", "There is no room left for this"),
    Reason.TOO_BIG: Wording(b"TOOBIG", "The message is too large"),
    Reason.LIMIT: Wording(b"LIMIT", "That is more than this server does at once"),
    Reason.METADATA_TOO_BIG: Wording(b"METADATA MAXSIZE %d" % annotations.VALUE_SIZE, "The value is too large"),
    Reason.METADATA_TOO_MANY: Wording(b"METADATA TOOMANY", "There are as many annotations as there may be"),
    Reason.METADATA_NO_PRIVATE: Wording(b"METADATA NOPRIVATE", "Private annotations are for one's own mailboxes"),
    Reason.METADATA_OF_ALL: Wording(b"NOPERM", "What everybody reads is for the administrator to say"),
    Reason.BAD_CHARSET: Wording(b"BADCHARSET (US-ASCII UTF-8)", "This character set is not supported"),
    Reason.UNKNOWN_CTE: Wording(b"UNKNOWN-CTE", "The part cannot be decoded"),
    Reason.FLAG_INVALID: Wording(b"CANNOT", "This flag cannot be set"),
    Reason.AUTHENTICATION_FAILED: Wording(b"AUTHENTICATIONFAILED", "Wrong name or password"),
    Reason.AUTHORIZATION_FAILED: Wording(b"AUTHORIZATIONFAILED", "Nobody may sign in for somebody else here"),
    Reason.THROTTLED: Wording(b"UNAVAILABLE", "Too many failed sign-ins; wait before the next"),
    Reason.PRIVACY_REQUIRED: Wording(b"PRIVACYREQUIRED", "Start TLS first"),
    Reason.NO_MECHANISM: Wording(b"CANNOT", "This mechanism is not offered"),
    Reason.NOT_SUPPORTED: Wording(b"CANNOT", "This mechanism is offered without channel binding and extensions"),
    Reason.NO_SIGN_IN: Wording(b"UNAVAILABLE", "This mechanism cannot be used now; try again later"),
    Reason.NO_TLS: Wording(b"UNAVAILABLE", "TLS is not available"),
    Reason.NO_SUCH_QUOTA: Wording(b"NONEXISTENT", "There is no such quota root"),
    Reason.NO_ROOM: Wording(b"UNAVAILABLE", "The server has no room left; try again later"),
    Reason.DAMAGED: Wording(b"CORRUPTION", "A message is damaged and cannot be read"),
    Reason.CORRUPT: Wording(b"CORRUPTION", "The mailboxes of this account are damaged and cannot be read"),
    Reason.EXPUNGED: Wording(b"EXPUNGEISSUED", "The message is gone"),
    Reason.NO_SUCH_MESSAGE: Wording(b"NONEXISTENT", "There is no such message"),
    Reason.BAD_URL: Wording(b"BADURL", "There is no such message or part"),
    Reason.BAD_EVENT: Wording(
        b"BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange"
        b" ServerMetadataChange)",
        "There is no such event here",
    ),
    Reason.NOT_SAVED: Wording(None, "What was saved is of the selected mailbox"),
    Reason.NOTIFICATION_OVERFLOW: Wording(b"NOTIFICATIONOVERFLOW", "That is more than this server watches at once"),
    Reason.CANCELLED: Wording(None, "Cancelled"),
    Reason.UNAVAILABLE: Wording(b"UNAVAILABLE", "The mail store cannot be used now; try again later"),
    Reason.INTERNAL: Wording(b"SERVERBUG", "Internal error; it has been logged"),
}


class Refusal(Exception):
    """The command is well formed and will not be done."""

    def __init__(self, reason: Reason, detail: bytes = b"") -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.detail = detail  # what stands behind the response code


# The first class that fits wins, so subclasses stand before their bases.
_CAUSES: tuple[tuple[type[Exception], Reason], ...] = (
    (store.NoSuchMailbox, Reason.NO_SUCH_MAILBOX),
    (store.OctetsDamaged, Reason.DAMAGED),
    (store.NoSuchMessage, Reason.EXPUNGED),
    (store.MailboxExists, Reason.MAILBOX_EXISTS),
    (store.HasChildren, Reason.HAS_CHILDREN),
    (store.CannotDelete, Reason.CANNOT_DELETE),
    (store.IsVirtual, Reason.VIRTUAL),
    (store.NameInvalid, Reason.NAME_INVALID),
    (store.OverQuota, Reason.OVER_QUOTA),
    (store.TooBig, Reason.TOO_BIG),
    (store.TooManyKeywords, Reason.FLAG_INVALID),
    (store.TooManyEntries, Reason.LIMIT),
    (store.AnnotationTooBig, Reason.METADATA_TOO_BIG),
    (store.TooManyAnnotations, Reason.METADATA_TOO_MANY),
    (store.QueryTooComplex, Reason.LIMIT),
    (db.DatabaseFull, Reason.NO_ROOM),
    (db.DatabaseBusy, Reason.UNAVAILABLE),
    (db.DatabaseCorrupt, Reason.CORRUPT),
    (db.DatabaseError, Reason.UNAVAILABLE),
    (AuthenticationFailed, Reason.AUTHENTICATION_FAILED),
    (Throttled, Reason.THROTTLED),
)


def reason_of(error: Exception) -> Reason | None:
    """The reason an expected error stands for; None for a bug."""
    if isinstance(error, Refusal):
        return error.reason
    return next((reason for cause, reason in _CAUSES if isinstance(error, cause)), None)


def wording(reason: Reason) -> Wording:
    return _TABLE[reason]
