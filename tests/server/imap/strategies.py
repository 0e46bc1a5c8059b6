"""Every command, with every argument it may have."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from server.imap.syntax import command as c
from server.imap.syntax.fetch_att import BinarySize, Column, Section
from server.imap.syntax.mailbox_filter import NOTIFIED, SEARCHED, MailboxFilter, Scope
from server.imap.syntax.notify import EventGroup, Notify
from server.imap.syntax.response import astring
from server.imap.syntax.rights import STANDARD
from server.imap.syntax.search_key import Numbers
from server.imap.syntax.sequence import SequenceSet
from server.store import query as q

numbers = st.integers(1, 2**32 - 1)
numbers64 = st.integers(0, 2**63 - 1)
octets = st.binary(max_size=60).filter(lambda b: b"\0" not in b)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
mailboxes = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).map(
    lambda n: "INBOX" if n.upper() == "INBOX" else n
)
identifiers = st.one_of(
    st.sampled_from(["anyone", "-anyone", "bob@example.org"]),
    st.text(st.characters(categories=["L", "N", "P"]), min_size=2, max_size=20),
)
atoms = st.text("ABCxyz019$_-!#'+,./:;<=>?@[^`|~", min_size=1, max_size=12)
flags = st.lists(st.one_of(st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged"]), atoms), max_size=5).map(tuple)
ends = st.one_of(numbers, st.just(0))
sequences = st.one_of(
    st.lists(st.one_of(ends.map(lambda n: (n, n)), st.tuples(ends, ends)), min_size=1, max_size=6).map(
        lambda pairs: SequenceSet(tuple(pairs))
    ),
    st.just(SequenceSet.SAVED),
)
uid_sets = st.lists(numbers.map(lambda n: (n, n)), min_size=1, max_size=5).map(lambda pairs: SequenceSet(tuple(pairs)))
status_items = st.lists(
    st.sampled_from(["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "HIGHESTMODSEQ", "MAILBOXID"]),
    min_size=1,
    max_size=8,
).map(tuple)
moments = st.datetimes(datetime(1975, 1, 1), datetime(2200, 1, 1)).map(lambda m: m.replace(microsecond=0, tzinfo=UTC))  # noqa: DTZ001
partials = st.tuples(numbers, numbers).map(sorted).map(tuple).flatmap(lambda p: st.sampled_from([p, (-p[0], -p[1])]))
paths = st.lists(st.integers(1, 999), min_size=1, max_size=4).map(lambda steps: ".".join(map(str, steps)))
windows = st.one_of(st.none(), st.tuples(numbers64, st.integers(1, 2**63 - 1)))
names = st.lists(st.text("AbcXyz-0!", min_size=1, max_size=10), min_size=1, max_size=4).map(tuple)


@st.composite
def body_sections(draw):
    kind = draw(st.sampled_from(["", "HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "MIME"]))
    path = draw(paths if kind == "MIME" else st.one_of(st.just(""), paths))
    fields = draw(names) if kind.startswith("HEADER.") else ()
    text = ".".join(part for part in (path, kind) if part).encode()
    listed = b" (" + b" ".join(astring(n.encode()) for n in fields) + b")" if fields else b""
    return Section(
        path, kind, fields, draw(windows), draw(st.booleans()), binary=False, label=b"BODY[" + text + listed + b"]"
    )


binary_sections = st.builds(
    lambda path, partial, peek: Section(
        path, "", (), partial, peek, binary=True, label=b"BINARY[" + path.encode() + b"]"
    ),
    st.one_of(st.just(""), paths),
    windows,
    st.booleans(),
)
attributes = st.lists(
    st.one_of(
        st.sampled_from(list(Column)),
        body_sections(),
        binary_sections,
        paths.map(lambda p: BinarySize(p, b"BINARY.SIZE[" + p.encode() + b"]")),
        st.sampled_from(
            [
                Section(label=b"RFC822"),
                Section(kind="HEADER", peek=True, label=b"RFC822.HEADER"),
                Section(kind="TEXT", label=b"RFC822.TEXT"),
            ]
        ),
    ),
    min_size=1,
    max_size=6,
).map(tuple)

_days = st.dates()
_ops = st.sampled_from(["before", "on", "since"])
_leaves = st.one_of(
    st.just(q.All()),
    st.builds(q.Flag, st.sampled_from(["\\Seen", "\\Answered", "\\Deleted", "\\Draft", "\\Flagged"]), st.booleans()),
    st.builds(q.Flag, atoms, st.booleans()),
    st.builds(q.Header, words, words),
    st.builds(q.Field, st.sampled_from(["from", "to", "cc", "bcc", "subject"]), words),
    st.builds(q.Body, words),
    st.builds(q.Text, words),
    st.builds(q.Internal, _ops, _days),
    st.builds(q.Sent, _ops, _days),
    st.builds(q.SaveDate, _ops, _days),
    st.builds(q.Larger, numbers64),
    st.builds(q.Smaller, numbers64),
    st.builds(q.Modseq, numbers64),
    st.builds(q.EmailId, words),
    st.builds(q.ThreadId, words),
    st.builds(q.Older, numbers),
    st.builds(q.Younger, numbers),
    st.builds(Numbers, sequences, st.booleans()),
)
keys = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda items: q.And(tuple(items))),
        st.builds(q.Or, inner, inner),
        st.builds(q.Not, inner),
        st.builds(q.Fuzzy, inner),
    ),
    max_leaves=8,
)


@st.composite
def returns(draw):
    partial = draw(st.one_of(st.none(), partials))
    flags_ = [draw(st.booleans()) for _ in range(8)]
    found = c.SearchReturn(
        flags_[0], flags_[1], flags_[2], flags_[3] and partial is None, flags_[4], partial, relevancy=flags_[5],
        update=flags_[6], context=flags_[7], shown=draw(st.one_of(st.just(()), attributes)) if flags_[6] else (),
    )  # fmt: skip
    return c.SearchReturn(all=True) if found == c.SearchReturn() else found


def _made_fuzzy(command):
    """RFC 6203 §4: who asks for relevancy asks for something fuzzy."""
    asked = command.returned is not None and command.returned.relevancy
    asked = asked or any(name == "relevancy" for name, _ in getattr(command, "criteria", ()))
    return replace(command, key=q.Fuzzy(command.key)) if asked else command


entries = st.tuples(
    st.sampled_from(["/private", "/Shared"]),
    st.lists(st.text('abcXYZ019.-_ "\\{}()~$&\x1f', min_size=1, max_size=8), min_size=2, max_size=4),
).map(lambda parts: "/".join([parts[0], *parts[1]]))
entry_lists = st.lists(entries, min_size=1, max_size=4, unique_by=str.lower).map(tuple)


@st.composite
def lists(draw):
    if not draw(st.booleans()):
        return c.List(draw(mailboxes), (draw(patterns),))
    select = draw(st.frozensets(st.sampled_from(["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"])))
    if "RECURSIVEMATCH" in select and select <= {"RECURSIVEMATCH", "REMOTE"}:
        select |= {"SUBSCRIBED"}
    options = ["SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS", "METADATA", "MYRIGHTS"]
    returned = draw(st.frozensets(st.sampled_from(options)))
    items = draw(status_items) if "STATUS" in returned else ()
    some = tuple(draw(st.lists(patterns, min_size=1, max_size=3)))
    noted = draw(entry_lists) if "METADATA" in returned else ()
    return c.List(draw(mailboxes), some, select, returned, items, extended=True, metadata=noted)


patterns = st.text(st.one_of(st.sampled_from("*%/"), st.characters(exclude_categories=["Cs", "Cc"])), max_size=15).map(
    lambda n: "INBOX" if n.upper() == "INBOX" else n
)
returned = st.one_of(st.none(), returns())
algorithms = st.sampled_from(["REFERENCES", "ORDEREDSUBJECT"])
criteria = st.lists(
    st.tuples(
        st.sampled_from(
            ["arrival", "cc", "date", "from", "size", "subject", "to", "displayfrom", "displayto", "relevancy"]
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
maybe = lambda strategy: st.one_of(st.none(), strategy)  # noqa: E731
parts = st.lists(st.one_of(st.binary(max_size=30), st.builds(c.Url, octets)), min_size=1, max_size=4).map(tuple)
new_messages = st.one_of(
    st.builds(c.NewMessage, st.binary(max_size=80), flags, maybe(moments)),
    st.builds(c.NewMessage, st.just(b""), flags, maybe(moments), parts),
)


@st.composite
def fetches(draw):
    uid = draw(st.booleans())
    since = draw(maybe(numbers64))
    vanished = uid and since is not None and draw(st.booleans())
    return c.Fetch(draw(sequences), draw(attributes), uid, since, vanished, draw(maybe(partials)) if uid else None)


@st.composite
def mailbox_filters(draw, scopes):
    scope = draw(st.sampled_from(scopes))
    names = draw(st.lists(mailboxes, min_size=1, max_size=3)) if scope in _NAMING else []
    return MailboxFilter(scope, tuple(names))


@st.composite
def event_groups(draw, of_selected):
    selected = [draw(st.sampled_from([Scope.SELECTED, Scope.SELECTED_DELAYED]))]
    others = sorted(NOTIFIED - {Scope.SELECTED, Scope.SELECTED_DELAYED}, key=str)
    mailboxes_ = draw(mailbox_filters(selected if of_selected else others))
    events = set(draw(st.sampled_from([(), _COUNTS, (*_COUNTS, "FLAGCHANGE"), (*_COUNTS, "ANNOTATIONCHANGE")])))
    if not of_selected:
        events |= draw(st.sets(st.sampled_from(["MAILBOXNAME", "SUBSCRIPTIONCHANGE", "SERVERMETADATACHANGE", "X-NEW"])))
    shown = draw(st.one_of(st.just(()), attributes)) if "MESSAGENEW" in events else ()
    return EventGroup(mailboxes_, frozenset(events), shown)


@st.composite
def notifies(draw):
    groups = draw(st.lists(event_groups(of_selected=False), max_size=3))
    if draw(st.booleans()):
        groups.insert(0, draw(event_groups(of_selected=True)))
    return Notify(tuple(groups), bool(groups) and draw(st.booleans()))


_COUNTS = ("MESSAGENEW", "MESSAGEEXPUNGE")
_NAMING = {Scope.SUBTREE, Scope.SUBTREE_ONE, Scope.MAILBOXES}
sources = st.lists(mailbox_filters(sorted(SEARCHED, key=str)), max_size=3).map(tuple)

commands = st.one_of(
    notifies(),
    *(
        st.just(kind())
        for kind in (
            c.Capability,
            c.Noop,
            c.Logout,
            c.StartTls,
            c.Namespace,
            c.Idle,
            c.Check,
            c.Compress,
            c.Unauthenticate,
        )
    ),
    st.builds(c.Id, st.lists(st.tuples(octets, maybe(octets)), max_size=4).map(tuple)),
    st.builds(
        c.Authenticate, st.sampled_from(["PLAIN", "LOGIN", "XOAUTH2"]), maybe(st.sampled_from([b"=", b"AGEAYg=="]))
    ),
    st.builds(c.Login, octets, octets),
    st.builds(
        c.Enable,
        st.lists(st.sampled_from(["CONDSTORE", "X-Y", "UTF8=ACCEPT"]), min_size=1, max_size=3).map(
            lambda n: tuple(x.upper() for x in n)
        ),
    ),
    st.builds(
        c.Select,
        mailboxes,
        st.booleans(),
        st.booleans(),
        maybe(st.builds(c.QResync, numbers, numbers, maybe(uid_sets))),
    ),
    st.builds(c.Create, mailboxes, st.sampled_from([(), ("\\Sent",), ("\\Junk", "\\Trash")])),
    st.builds(c.Delete, mailboxes),
    st.builds(c.Rename, mailboxes, mailboxes),
    st.builds(c.Subscribe, mailboxes, st.booleans()),
    lists(),
    st.builds(c.Lsub, mailboxes, patterns),
    st.builds(c.Status, mailboxes, status_items),
    st.builds(c.Append, mailboxes, st.lists(new_messages, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Replace, ends.map(lambda n: SequenceSet(((n, n),))), mailboxes, new_messages, st.booleans()),
    st.builds(
        c.GetMetadata,
        st.one_of(st.just(""), mailboxes),
        entry_lists,
        maybe(st.integers(0, 2**32 - 1)),
        st.sampled_from([0, 1, None]),
    ),
    st.builds(
        c.SetMetadata,
        st.one_of(st.just(""), mailboxes),
        st.lists(st.tuples(entries, maybe(st.binary(max_size=40))), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(c.GetQuota, words),
    st.builds(c.GetQuotaRoot, mailboxes),
    st.builds(
        c.SetAcl, mailboxes, identifiers, st.sampled_from(["", "+", "-"]), st.frozensets(st.sampled_from(STANDARD))
    ),
    st.builds(c.DeleteAcl, mailboxes, identifiers),
    st.builds(c.GetAcl, mailboxes),
    st.builds(c.ListRights, mailboxes, identifiers),
    st.builds(c.MyRights, mailboxes),
    st.builds(c.Close, st.booleans()),
    st.builds(c.Expunge, maybe(sequences)),
    st.builds(c.Search, keys, st.sampled_from(["UTF-8", "US-ASCII"]), returned, st.booleans()).map(_made_fuzzy),
    st.builds(c.CancelUpdate, st.lists(octets, min_size=1, max_size=3).map(tuple)),
    st.builds(c.Esearch, sources, keys, st.sampled_from(["UTF-8", "US-ASCII"]), returns()).map(_made_fuzzy),
    st.builds(c.Sort, criteria, keys, st.sampled_from(["UTF-8", "US-ASCII"]), returned, st.booleans()).map(_made_fuzzy),
    st.builds(c.Thread, algorithms, keys, st.just("UTF-8"), st.booleans()),
    fetches(),
    st.builds(
        c.Store, sequences, st.sampled_from(list(c.StoreMode)), flags, st.booleans(), maybe(numbers64), st.booleans()
    ),
    st.builds(c.Copy, sequences, mailboxes, st.booleans(), st.booleans()),
)
