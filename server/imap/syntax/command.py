"""Every command of a client as a frozen value. `parse` makes them, the handlers in `server.imap.commands` act on them.

Text a person chose (mailbox names, search words) is `str`; credentials and message octets stay `bytes`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Literal

from server.imap.syntax.acl_command import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from server.imap.syntax.fetch_att import FetchAttribute
from server.imap.syntax.mailbox_filter import MailboxFilter
from server.imap.syntax.notify import Notify
from server.imap.syntax.search_key import SearchKey
from server.imap.syntax.sequence import SequenceSet

SortKey = Literal["arrival", "cc", "date", "from", "size", "subject", "to", "displayfrom", "displayto", "relevancy"]

# -- any state


@dataclass(frozen=True, slots=True)
class Capability:
    pass


@dataclass(frozen=True, slots=True)
class Noop:
    pass


@dataclass(frozen=True, slots=True)
class Logout:
    pass


@dataclass(frozen=True, slots=True)
class Id:
    """RFC 2971. Values are for the log only."""

    parameters: tuple[tuple[bytes, bytes | None], ...]


# -- not authenticated


@dataclass(frozen=True, slots=True)
class StartTls:
    pass


@dataclass(frozen=True, slots=True)
class Authenticate:
    """`initial` is the still encoded initial response (RFC 4959), None when there is none."""

    mechanism: str
    initial: bytes | None = None


@dataclass(frozen=True, slots=True)
class Login:
    username: bytes
    password: bytes


# -- authenticated


@dataclass(frozen=True, slots=True)
class Enable:
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compress:
    """RFC 4978. There is one algorithm, DEFLATE."""


@dataclass(frozen=True, slots=True)
class Unauthenticate:
    """RFC 8437."""


@dataclass(frozen=True, slots=True)
class QResync:
    """RFC 7162 §3.2.5: what the client knows. `known` are its uids; a seq-match is read and not needed, only `matched` tells of it."""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None
    matched: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    mailbox: str
    read_only: bool = False
    condstore: bool = False
    qresync: QResync | None = None


@dataclass(frozen=True, slots=True)
class Create:
    mailbox: str
    special_use: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename:
    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    mailbox: str
    subscribed: bool = True


@dataclass(frozen=True, slots=True)
class List:
    """LIST and LSUB. `extended` when any part of RFC 5258's syntax was used."""

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    extended: bool = False
    metadata: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lsub:
    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Namespace:
    pass


@dataclass(frozen=True, slots=True)
class Status:
    mailbox: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Url:
    """A part of a message that is put together here (RFC 4469), as it was written."""

    text: bytes


@dataclass(frozen=True, slots=True)
class NewMessage:
    """`octets` are there, or will be once `parts` are put together."""

    octets: bytes
    flags: tuple[str, ...] = ()
    internaldate: datetime | None = None
    parts: tuple[bytes | Url, ...] = ()


@dataclass(frozen=True, slots=True)
class Append:
    mailbox: str
    messages: tuple[NewMessage, ...]


@dataclass(frozen=True, slots=True)
class Replace:
    """RFC 8508: `sequence` names one message."""

    sequence: SequenceSet
    mailbox: str
    message: NewMessage
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Idle:
    pass


@dataclass(frozen=True, slots=True)
class GetQuota:
    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    mailbox: str


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """RFC 5464 §4.2. An empty `mailbox` is the server; `depth` None is all levels below the entries."""

    mailbox: str
    entries: tuple[str, ...]
    max_size: int | None = None
    depth: int | None = 0


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """RFC 5464 §4.3. An empty `mailbox` is the server; a value None removes."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...]


# -- selected


@dataclass(frozen=True, slots=True)
class Check:
    pass


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE, or UNSELECT where nothing is expunged."""

    expunge: bool = True


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE, or UID EXPUNGE of some."""

    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class SearchReturn:
    """RETURN (...) of RFC 4731, 5182, 5267, 6203 and 9394. `partial` counts from 1, or from -1 at the end."""

    minimum: bool = False
    maximum: bool = False
    count: bool = False
    all: bool = False
    save: bool = False
    partial: tuple[int, int] | None = None
    relevancy: bool = False
    update: bool = False
    """RFC 5267 §4.3, with what RFC 5465 §7 lets be `shown` of messages that are added."""
    shown: tuple[FetchAttribute, ...] = ()
    context: bool = False
    """RFC 5267 §4.2: a hint that nothing depends on."""


@dataclass(frozen=True, slots=True)
class CancelUpdate:
    tags: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Search:
    key: SearchKey
    charset: str = "UTF-8"
    returned: SearchReturn | None = None
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Esearch:
    """A search of several mailboxes (RFC 7377); of the selected one where no source is named."""

    sources: tuple[MailboxFilter, ...]
    key: SearchKey
    charset: str = "UTF-8"
    returned: SearchReturn = SearchReturn(all=True)


@dataclass(frozen=True, slots=True)
class Sort:
    """`criteria` are keys of the store with True where REVERSE stood before them."""

    criteria: tuple[tuple[SortKey, bool], ...]
    key: SearchKey
    charset: str = "UTF-8"
    returned: SearchReturn | None = None
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    algorithm: str
    key: SearchKey
    charset: str = "UTF-8"
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    sequence: SequenceSet
    attributes: tuple[FetchAttribute, ...]
    uid: bool = False
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None


class StoreMode(Enum):
    ADD = auto()
    REMOVE = auto()
    REPLACE = auto()


@dataclass(frozen=True, slots=True)
class Store:
    sequence: SequenceSet
    mode: StoreMode
    flags: tuple[str, ...]
    silent: bool = False
    unchanged_since: int | None = None
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY, or MOVE (RFC 6851)."""

    sequence: SequenceSet
    mailbox: str
    uid: bool = False
    move: bool = False


Command = (
    Capability
    | Noop
    | Logout
    | Id
    | StartTls
    | Authenticate
    | Login
    | Enable
    | Compress
    | Unauthenticate
    | Select
    | Create
    | Delete
    | Rename
    | Subscribe
    | List
    | Lsub
    | Namespace
    | Status
    | Append
    | Replace
    | Idle
    | Notify
    | GetQuota
    | GetMetadata
    | SetMetadata
    | GetQuotaRoot
    | SetAcl
    | DeleteAcl
    | GetAcl
    | ListRights
    | MyRights
    | Check
    | Close
    | Expunge
    | Search
    | Esearch
    | CancelUpdate
    | Sort
    | Thread
    | Fetch
    | Store
    | Copy
)
