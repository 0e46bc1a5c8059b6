"""Arguments of the commands about mailboxes (RFC 9051 §6.3), with their extensions.

RFC 5258 and 5819 (LIST-EXTENDED, LIST-STATUS), RFC 6154 (SPECIAL-USE), RFC 7162 (CONDSTORE, QRESYNC), RFC 3502 (MULTIAPPEND), RFC 4469 (CATENATE),
RFC 6855 (UTF8 data in APPEND), RFC 8508 (REPLACE), RFC 9208 (QUOTA),
RFC 9590 (LIST-METADATA).
"""

from server.imap.syntax import command as c
from server.imap.syntax.date import parse_date_time
from server.imap.syntax.parse_metadata import entries
from server.imap.syntax.sequence import SequenceSet
from server.imap.syntax.token import MAX_NUMBER64, Reader

MAX_PATTERNS = 50
MAX_PARTS = 500
"""Parts of one message that is put together here."""
MAX_LISTED_ENTRIES = 20
"""Annotations of each mailbox of a list: each is answered, if only by NIL."""
_STATUS_ITEMS = frozenset(
    {
        "MESSAGES",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
        "DELETED",
        "SIZE",
        "HIGHESTMODSEQ",
        "MAILBOXID",
        "RECENT",
        "APPENDLIMIT",
        "DELETED-STORAGE",
    }
)
_SELECT_OPTIONS = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
_RETURN_OPTIONS = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS", "METADATA", "MYRIGHTS"})


def _one_mailbox(reader: Reader) -> str:
    reader.space()
    return reader.mailbox()


def select(reader: Reader) -> c.Select:
    """Read select.

    select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]
    """
    return _select(reader, read_only=False)


def examine(reader: Reader) -> c.Select:
    return _select(reader, read_only=True)


def _select(reader: Reader, *, read_only: bool) -> c.Select:
    mailbox = _one_mailbox(reader)
    if not reader.try_space():
        return c.Select(mailbox, read_only)
    parameters = dict(reader.parenthesised(lambda: _select_parameter(reader), limit=10))
    return c.Select(mailbox, read_only, "CONDSTORE" in parameters, parameters.get("QRESYNC"))


def _select_parameter(reader: Reader) -> tuple[str, c.QResync | None]:
    name = reader.keyword("A parameter")
    if name == "CONDSTORE":
        return name, None
    if name == "QRESYNC":
        reader.space()
        return name, _qresync(reader)
    return reader.fail("Unknown SELECT parameter")


def _qresync(reader: Reader) -> c.QResync:
    """Read qresync (RFC 7162 §7).

    "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
    """
    reader.octet(b"(", "QRESYNC needs a list")
    uidvalidity = reader.positive()
    reader.space()
    modseq = reader.positive(MAX_NUMBER64)
    known: SequenceSet | None = None
    matched = False
    while reader.try_space():
        if reader.try_octet(b"("):
            reader.sequence()
            reader.space()
            reader.sequence()
            reader.octet(b")", "A parenthesis is missing")
            matched = True
            break
        if known is not None:
            reader.fail("QRESYNC is malformed")
        known = reader.sequence()
        if known.saved or any(0 in pair for pair in known.ranges):
            reader.fail("Known uids must be numbers")
    reader.octet(b")", "A parenthesis is missing")
    return c.QResync(uidvalidity, modseq, known, matched)


def create(reader: Reader) -> c.Create:
    """Read create (RFC 6154 §3).

    create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"
    """
    mailbox = _one_mailbox(reader)
    if not reader.try_octet(b" ("):
        return c.Create(mailbox)
    if reader.keyword("A parameter") != "USE":
        reader.fail("Unknown CREATE parameter")
    reader.space()
    uses = reader.flag_list()
    reader.octet(b")", "A parenthesis is missing")
    return c.Create(mailbox, uses)


def delete(reader: Reader) -> c.Delete:
    return c.Delete(_one_mailbox(reader))


def rename(reader: Reader) -> c.Rename:
    old = _one_mailbox(reader)
    return c.Rename(old, _one_mailbox(reader))


def subscribe(reader: Reader) -> c.Subscribe:
    return c.Subscribe(_one_mailbox(reader))


def unsubscribe(reader: Reader) -> c.Subscribe:
    return c.Subscribe(_one_mailbox(reader), subscribed=False)


def list_(reader: Reader) -> c.List:
    """Read list.

    list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]
    """
    reader.space()
    select_options: frozenset[str] = frozenset()
    extended = False
    if reader.peek() == b"(":
        extended = True
        select_options = frozenset(reader.parenthesised(lambda: _option(reader, _SELECT_OPTIONS), limit=10, empty=True))
        reader.space()
    if "RECURSIVEMATCH" in select_options and not select_options - {"RECURSIVEMATCH", "REMOTE"}:
        reader.fail("RECURSIVEMATCH needs another option")  # RFC 5258 §3.1
    reference = reader.mailbox()
    reader.space()
    if reader.peek() == b"(":
        extended = True
        patterns = reader.parenthesised(reader.list_mailbox, limit=MAX_PATTERNS)
    else:
        patterns = (reader.list_mailbox(),)
    returned: list[str] = []
    status_items: list[str] = []
    metadata: list[str] = []
    if reader.try_space():
        extended = True
        if reader.keyword("RETURN") != "RETURN":
            reader.fail("RETURN is missing")
        reader.space()
        reader.parenthesised(lambda: _return_option(reader, returned, status_items, metadata), limit=10, empty=True)
    asked = (frozenset(returned), tuple(status_items))
    return c.List(reference, patterns, select_options, *asked, extended, tuple(metadata))


def _option(reader: Reader, allowed: frozenset[str]) -> str:
    option = reader.keyword("An option")
    if option not in allowed:
        reader.fail("Unknown LIST option")
    return option


def _return_option(reader: Reader, returned: list[str], status_items: list[str], metadata: list[str]) -> None:
    option = _option(reader, _RETURN_OPTIONS)
    returned.append(option)
    if option == "STATUS":
        reader.space()
        status_items.extend(_status_items(reader))
    elif option == "METADATA":
        reader.space()
        metadata.extend(entries(reader))
        if len(metadata) > MAX_LISTED_ENTRIES:
            reader.fail("Too many annotations for a list")


def lsub(reader: Reader) -> c.Lsub:
    reference = _one_mailbox(reader)
    reader.space()
    return c.Lsub(reference, reader.list_mailbox())


def _status_items(reader: Reader) -> tuple[str, ...]:
    return reader.parenthesised(lambda: _status_item(reader), limit=20)


def _status_item(reader: Reader) -> str:
    item = reader.keyword("A status item")
    if item not in _STATUS_ITEMS:
        reader.fail("Unknown status item")
    return item


def status(reader: Reader) -> c.Status:
    mailbox = _one_mailbox(reader)
    reader.space()
    return c.Status(mailbox, _status_items(reader))


def append(reader: Reader) -> c.Append:
    """Read append.

    append = "APPEND" SP mailbox 1*append-message ; append-message = [SP flag-list] [SP date-time] SP append-data
    """
    mailbox = _one_mailbox(reader)
    messages = [_new_message(reader)]
    while not reader.at_end:
        messages.append(_new_message(reader))
    return c.Append(mailbox, tuple(messages))


def replace(reader: Reader, *, uid: bool) -> c.Replace:
    """Read replace (RFC 8508 §5).

    replace = "REPLACE" SP seq-number SP mailbox append-message
    """
    reader.space()
    sequence = reader.sequence()
    if sequence.saved or len(sequence.ranges) != 1 or sequence.ranges[0][0] != sequence.ranges[0][1]:
        reader.fail("One message is replaced at a time")
    mailbox = _one_mailbox(reader)
    return c.Replace(sequence, mailbox, _new_message(reader), uid)


def _new_message(reader: Reader) -> c.NewMessage:
    reader.space()
    flags: tuple[str, ...] = ()
    if reader.peek() == b"(":
        flags = reader.flag_list()
        reader.space()
    moment = None
    quoted = reader.try_quoted()
    if quoted is not None:
        moment = parse_date_time(quoted)
        reader.space()
    if reader.try_text(b"CATENATE "):
        return c.NewMessage(b"", flags, moment, reader.parenthesised(lambda: _part(reader), limit=MAX_PARTS))
    return c.NewMessage(_literal(reader), flags, moment)


def _part(reader: Reader) -> bytes | c.Url:
    """Read cat-part (RFC 4469 §5).

    cat-part = "TEXT" SP literal / "URL" SP astring / utf8-literal (RFC 6855 §4)
    """
    if reader.try_text(b"URL "):
        return c.Url(reader.astring())
    if reader.try_text(b"TEXT "):
        return reader.literal(binary=True)
    return _literal(reader) if reader.peek() in {b"U", b"u"} else reader.fail("A part is TEXT or URL")


def _literal(reader: Reader) -> bytes:
    # RFC 6855 §4: "UTF8" SP "(" literal8 ")"
    wrapped = reader.try_text(b"UTF8 (")
    _ = reader.try_octet(b"~")
    octets = reader.literal(binary=True)
    if wrapped:
        reader.octet(b")", "A parenthesis is missing")
    return octets


def get_quota(reader: Reader) -> c.GetQuota:
    reader.space()
    return c.GetQuota(reader.text())


def get_quota_root(reader: Reader) -> c.GetQuotaRoot:
    return c.GetQuotaRoot(_one_mailbox(reader))
