"""Commands as a client would say them: the other half of the parser's property tests."""

from server.imap.syntax import command as c
from server.imap.syntax import fetch_att
from server.imap.syntax.date import format_date, format_date_time
from server.imap.syntax.mailbox_name import encode_utf7
from server.imap.syntax.notify import Notify
from server.imap.syntax.response import astring, string
from server.imap.syntax.search_key import Numbers
from server.store import query as q


def literal(value):
    return b"{%d+}\r\n" % len(value) + value


def word(value):
    """An astring; what the server would send as a literal a client must announce with a plus sign or wait for."""
    text = astring(value)
    return literal(value) if text.startswith(b"{") else text


def quoted_or_literal(value):
    text = string(value)
    return literal(value) if text.startswith(b"{") else text


def mailbox(name):
    return word(encode_utf7(name))


def flag_list(flags):
    return b"(" + " ".join(flags).encode() + b")"


def say(command):
    """Name and arguments of a command."""
    return _SAY[type(command)](command)


def _id(x):
    if not x.parameters:
        return b"ID NIL"
    pairs = (b"%b %b" % (quoted_or_literal(n), b"NIL" if v is None else quoted_or_literal(v)) for n, v in x.parameters)
    return b"ID (" + b" ".join(pairs) + b")"


def _select(x):
    parameters = [b"CONDSTORE"] if x.condstore else []
    if x.qresync is not None:
        known = b"" if x.qresync.known is None else b" " + bytes(x.qresync.known)
        parameters.append(b"QRESYNC (%d %d%b)" % (x.qresync.uidvalidity, x.qresync.modseq, known))
    tail = b" (" + b" ".join(parameters) + b")" if parameters else b""
    return (b"EXAMINE " if x.read_only else b"SELECT ") + mailbox(x.mailbox) + tail


def _list(x):
    select = b"(" + " ".join(sorted(x.select)).encode() + b") " if x.extended else b""
    patterns = [
        mailbox(p)
        if not set(p) & set("*%")
        else b'"' + encode_utf7(p).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        for p in x.patterns
    ]
    listed = b"(" + b" ".join(patterns) + b")" if x.extended else patterns[0]
    options = [name.encode() for name in sorted(x.returned - {"STATUS"})]
    if "STATUS" in x.returned:
        options.append(b"STATUS (" + " ".join(x.status).encode() + b")")
    if "METADATA" in x.returned:
        options[options.index(b"METADATA")] += b" (" + b" ".join(word(entry.encode()) for entry in x.metadata) + b")"
    tail = b" RETURN (" + b" ".join(options) + b")" if x.returned else b""
    return b"LIST " + select + mailbox(x.reference) + b" " + listed + tail


def _new_message(message):
    text = b""
    if message.flags:
        text += b" " + flag_list(message.flags)
    if message.internaldate is not None:
        text += b" " + format_date_time(message.internaldate)
    if message.parts:
        return text + b" CATENATE (" + b" ".join(map(_part, message.parts)) + b")"
    return text + b" " + literal(message.octets)


def _part(part):
    return b"URL " + word(part.text) if isinstance(part, c.Url) else b"TEXT " + literal(part)


def _append(x):
    return b"APPEND " + mailbox(x.mailbox) + b"".join(map(_new_message, x.messages))


def _replace(x):
    return _uid(x) + b"REPLACE " + bytes(x.sequence) + b" " + mailbox(x.mailbox) + _new_message(x.message)


def _get_metadata(x):
    options = [b"MAXSIZE %d" % x.max_size] if x.max_size is not None else []
    if x.depth != 0:
        options.append(b"DEPTH infinity" if x.depth is None else b"DEPTH %d" % x.depth)
    given = b" (" + b" ".join(options) + b")" if options else b""
    listed = b" ".join(word(entry.encode()) for entry in x.entries)
    # Half of the clients follow the grammar of RFC 5464, half its examples.
    before, after = (given, b"") if len(x.entries) % 2 else (b"", given)
    return b"GETMETADATA" + before + b" " + mailbox(x.mailbox) + after + b" (" + listed + b")"


def _set_metadata(x):
    pairs = [
        word(entry.encode()) + b" " + (b"NIL" if value is None else b"~{%d+}\r\n" % len(value) + value)
        for entry, value in x.values
    ]
    return b"SETMETADATA " + mailbox(x.mailbox) + b" (" + b" ".join(pairs) + b")"


def _returned(x):
    if x.returned is None:
        return b""
    r = x.returned
    words = [
        w
        for w, on in ((b"MIN", r.minimum), (b"MAX", r.maximum), (b"COUNT", r.count), (b"ALL", r.all), (b"SAVE", r.save))
        if on
    ]
    if r.partial is not None:
        words.append(b"PARTIAL %d:%d" % r.partial)
    if r.relevancy:
        words.append(b"RELEVANCY")
    if r.update:
        words.append(b"UPDATE" + (b" " + fetch_att.serialise(r.shown) if r.shown else b""))
    if r.context:
        words.append(b"CONTEXT")
    return b" RETURN (" + b" ".join(words) + b")"


def _uid(x):
    return b"UID " if x.uid else b""


def _search(x):
    return _uid(x) + b"SEARCH" + _returned(x) + b" CHARSET " + x.charset.encode() + b" " + key(x.key)


def _esearch(x):
    sources = b" IN (" + b" ".join(map(mailbox_filter, x.sources)) + b")" if x.sources else b""
    return b"ESEARCH" + sources + _returned(x) + b" CHARSET " + x.charset.encode() + b" " + key(x.key)


def _sort(x):
    criteria = b" ".join((b"REVERSE " if reverse else b"") + name.upper().encode() for name, reverse in x.criteria)
    return _uid(x) + b"SORT" + _returned(x) + b" (" + criteria + b") " + x.charset.encode() + b" " + key(x.key)


def _thread(x):
    return _uid(x) + b"THREAD " + x.algorithm.encode() + b" " + x.charset.encode() + b" " + key(x.key)


def _fetch(x):
    modifiers = []
    if x.changed_since is not None:
        modifiers.append(b"CHANGEDSINCE %d" % x.changed_since)
    if x.vanished:
        modifiers.append(b"VANISHED")
    if x.partial is not None:
        modifiers.append(b"PARTIAL %d:%d" % x.partial)
    tail = b" (" + b" ".join(modifiers) + b")" if modifiers else b""
    return _uid(x) + b"FETCH " + bytes(x.sequence) + b" " + fetch_att.serialise(x.attributes) + tail


def _store(x):
    unchanged = b"" if x.unchanged_since is None else b" (UNCHANGEDSINCE %d)" % x.unchanged_since
    sign = {c.StoreMode.ADD: b"+", c.StoreMode.REMOVE: b"-", c.StoreMode.REPLACE: b""}[x.mode]
    silent = b".SILENT" if x.silent else b""
    return (
        _uid(x)
        + b"STORE "
        + bytes(x.sequence)
        + unchanged
        + b" "
        + sign
        + b"FLAGS"
        + silent
        + b" "
        + flag_list(x.flags)
    )


def key(k):
    """A search key that reads back as the same tree: what nests stands in parentheses."""
    if isinstance(k, q.And):
        return b"(" + b" ".join(key(item) for item in k.items) + b")"
    if isinstance(k, q.Or):
        return b"OR " + key(k.a) + b" " + key(k.b)
    if isinstance(k, q.Not):
        return b"NOT " + key(k.q)
    if isinstance(k, q.Fuzzy):
        return b"FUZZY " + key(k.q)
    if isinstance(k, Numbers):
        return (b"UID " if k.uid else b"") + bytes(k.sequence)
    return _KEYS[type(k)](k)


def _flag(k):
    if k.name.startswith("\\"):
        return (b"" if k.present else b"UN") + k.name[1:].upper().encode()
    return (b"KEYWORD " if k.present else b"UNKEYWORD ") + k.name.encode()


_KEYS = {
    q.All: lambda _: b"ALL",
    q.Flag: _flag,
    q.Header: lambda k: b"HEADER " + word(k.name.encode()) + b" " + word(k.value.encode()),
    q.Field: lambda k: k.which.upper().encode() + b" " + word(k.value.encode()),
    q.Body: lambda k: b"BODY " + word(k.value.encode()),
    q.Text: lambda k: b"TEXT " + word(k.value.encode()),
    q.Internal: lambda k: k.op.upper().encode() + b" " + format_date(k.date),
    q.Sent: lambda k: b"SENT" + k.op.upper().encode() + b" " + format_date(k.date),
    q.SaveDate: lambda k: b"SAVED" + k.op.upper().encode() + b" " + format_date(k.date),
    q.Larger: lambda k: b"LARGER %d" % k.n,
    q.Smaller: lambda k: b"SMALLER %d" % k.n,
    q.Modseq: lambda k: b"MODSEQ %d" % k.n,
    q.EmailId: lambda k: b"EMAILID " + word(k.value.encode()),
    q.ThreadId: lambda k: b"THREADID " + word(k.value.encode()),
    q.Older: lambda k: b"OLDER %d" % k.seconds,
    q.Younger: lambda k: b"YOUNGER %d" % k.seconds,
}


def mailbox_filter(x):
    names = [mailbox(name) for name in x.names]
    listed = b" (" + b" ".join(names) + b")" if len(names) > 1 else b"".join(b" " + name for name in names)
    return x.scope.value.encode() + listed


def _notify(x):
    if not x.groups:
        return b"NOTIFY NONE"
    return b"NOTIFY SET " + (b"STATUS " if x.status else b"") + b" ".join(map(_group, x.groups))


def _group(group):
    events = [event.encode() for event in sorted(group.events)]
    if group.attributes:
        events[events.index(b"MESSAGENEW")] += b" " + fetch_att.serialise(group.attributes)
    said = b"(" + b" ".join(events) + b")" if events else b"NONE"
    return b"(" + mailbox_filter(group.mailboxes) + b" " + said + b")"


def _rights(held):
    return "".join(sorted(held)).encode()


_SAY = {
    Notify: _notify,
    c.Capability: lambda _: b"CAPABILITY",
    c.Noop: lambda _: b"NOOP",
    c.Logout: lambda _: b"LOGOUT",
    c.StartTls: lambda _: b"STARTTLS",
    c.Namespace: lambda _: b"NAMESPACE",
    c.Idle: lambda _: b"IDLE",
    c.Unauthenticate: lambda _: b"UNAUTHENTICATE",
    c.Compress: lambda _: b"COMPRESS DEFLATE",
    c.Check: lambda _: b"CHECK",
    c.Id: _id,
    c.Authenticate: lambda x: (
        b"AUTHENTICATE " + x.mechanism.encode() + (b"" if x.initial is None else b" " + x.initial)
    ),
    c.Login: lambda x: b"LOGIN " + word(x.username) + b" " + word(x.password),
    c.Enable: lambda x: b"ENABLE " + " ".join(x.capabilities).encode(),
    c.Select: _select,
    c.Create: lambda x: (
        b"CREATE " + mailbox(x.mailbox) + (b" (USE " + flag_list(x.special_use) + b")" if x.special_use else b"")
    ),
    c.Delete: lambda x: b"DELETE " + mailbox(x.mailbox),
    c.Rename: lambda x: b"RENAME " + mailbox(x.mailbox) + b" " + mailbox(x.new_name),
    c.Subscribe: lambda x: (b"" if x.subscribed else b"UN") + b"SUBSCRIBE " + mailbox(x.mailbox),
    c.List: _list,
    c.Lsub: lambda x: (
        b"LSUB "
        + mailbox(x.reference)
        + b' "'
        + encode_utf7(x.pattern).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        + b'"'
    ),
    c.Status: lambda x: b"STATUS " + mailbox(x.mailbox) + b" (" + " ".join(x.items).encode() + b")",
    c.Append: _append,
    c.Replace: _replace,
    c.GetMetadata: _get_metadata,
    c.SetMetadata: _set_metadata,
    c.GetQuota: lambda x: b"GETQUOTA " + word(x.root.encode()),
    c.GetQuotaRoot: lambda x: b"GETQUOTAROOT " + mailbox(x.mailbox),
    c.SetAcl: lambda x: (
        b"SETACL "
        + mailbox(x.mailbox)
        + b" "
        + word(x.identifier.encode())
        + b" "
        + word(x.sign.encode() + _rights(x.rights))
    ),
    c.DeleteAcl: lambda x: b"DELETEACL " + mailbox(x.mailbox) + b" " + word(x.identifier.encode()),
    c.GetAcl: lambda x: b"GETACL " + mailbox(x.mailbox),
    c.ListRights: lambda x: b"LISTRIGHTS " + mailbox(x.mailbox) + b" " + word(x.identifier.encode()),
    c.MyRights: lambda x: b"MYRIGHTS " + mailbox(x.mailbox),
    c.Close: lambda x: b"CLOSE" if x.expunge else b"UNSELECT",
    c.Expunge: lambda x: b"EXPUNGE" if x.uids is None else b"UID EXPUNGE " + bytes(x.uids),
    c.Search: _search,
    c.Esearch: _esearch,
    c.CancelUpdate: lambda x: b"CANCELUPDATE " + b" ".join(map(quoted_or_literal, x.tags)),
    c.Sort: _sort,
    c.Thread: _thread,
    c.Fetch: _fetch,
    c.Store: _store,
    c.Copy: lambda x: _uid(x) + (b"MOVE " if x.move else b"COPY ") + bytes(x.sequence) + b" " + mailbox(x.mailbox),
}
