"""Arguments of the commands about messages (RFC 9051 §6.4), with their extensions.

RFC 4731 and 5182 (ESEARCH, SEARCHRES), RFC 9394 (PARTIAL), RFC 5256 and 5267 (SORT, THREAD, ESORT), RFC 5957 (display keys), RFC 7162
(CONDSTORE modifiers), RFC 6851 (MOVE).
"""

import re

from server.imap.syntax import command as c
from server.imap.syntax.fetch_att import MAX_ATTRIBUTES, FetchAttribute, parse_attribute, parse_attributes
from server.imap.syntax.mailbox_filter import SEARCHED, MailboxFilter, parse_filter
from server.imap.syntax.search_key import SearchKey, mentions_fuzzy, parse_search_keys
from server.imap.syntax.token import MAX_NUMBER64, Reader

CHARSETS = {"US-ASCII": "utf-8", "ASCII": "utf-8", "UTF-8": "utf-8"}
"""What SEARCH may name; every other one is refused with BADCHARSET and read as bytes until then."""

_SORT_KEYS: dict[str, c.SortKey] = {
    "ARRIVAL": "arrival",
    "CC": "cc",
    "DATE": "date",
    "FROM": "from",
    "RELEVANCY": "relevancy",
    "SIZE": "size",
    "SUBJECT": "subject",
    "TO": "to",
    "DISPLAYFROM": "displayfrom",
    "DISPLAYTO": "displayto",
}
_RESULT_OPTIONS = frozenset({"MIN", "MAX", "COUNT", "ALL", "SAVE", "PARTIAL", "RELEVANCY", "UPDATE", "CONTEXT"})
MAX_SOURCES = 50
MAX_TAGS = 100
_MAX_PARTIAL = 2**32 - 1
_STORE_NAME = re.compile(r"FLAGS(\.SILENT)?\Z")


def search(reader: Reader, *, uid: bool) -> c.Search:
    """Read search.

    search = "SEARCH" [search-return-opts] SP [charset SP] search-key *(SP search-key)
    """
    returned = _return_options(reader)
    reader.space()
    charset, key = _search_program(reader)
    _only_fuzzy(reader, key, asked=returned is not None and returned.relevancy)
    return c.Search(key, charset, returned, uid)


def esearch(reader: Reader) -> c.Esearch:
    """Read esearch (RFC 7377 §2.1).

    esearch = "ESEARCH" [SP "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"] [search-return-opts] SP search-program

    No scope option has been defined.
    """
    sources: tuple[MailboxFilter, ...] = ()
    if reader.try_text(b" IN "):
        sources = reader.parenthesised(lambda: parse_filter(reader, SEARCHED), limit=MAX_SOURCES)
    returned = _return_options(reader) or c.SearchReturn(all=True)
    reader.space()
    charset, key = _search_program(reader)
    _only_fuzzy(reader, key, asked=returned.relevancy)
    return c.Esearch(sources, key, charset, returned)


def _search_program(reader: Reader) -> tuple[str, SearchKey]:
    charset = "UTF-8"
    if reader.try_keyword("CHARSET"):
        reader.space()
        charset = reader.text().upper()
        reader.space()
    return charset, parse_search_keys(reader, CHARSETS.get(charset, "latin-1"))


def _return_options(reader: Reader) -> c.SearchReturn | None:
    """RFC 4731 §3.1: no option at all means ALL; RFC 5182 §2.1: SAVE alone sends nothing."""
    if not reader.try_text(b" RETURN ("):
        return None
    words: set[str] = set()
    partial: tuple[int, int] | None = None
    shown: tuple[FetchAttribute, ...] = ()
    while not reader.try_octet(b")"):
        if words:
            reader.space()
        word = reader.keyword("A result option")
        if word not in _RESULT_OPTIONS or word in words:
            reader.fail("Unknown result option")
        words.add(word)
        if word == "PARTIAL":
            reader.space()
            partial = _partial(reader)
        elif word == "UPDATE" and reader.try_text(b" ("):
            shown = _shown(reader)
    if partial is not None and "ALL" in words:
        reader.fail("PARTIAL and ALL exclude each other")  # RFC 9394 §3.1
    return c.SearchReturn(
        minimum="MIN" in words,
        maximum="MAX" in words,
        count="COUNT" in words,
        all="ALL" in words or not words,
        save="SAVE" in words,
        partial=partial,
        relevancy="RELEVANCY" in words,
        update="UPDATE" in words,
        shown=shown,
        context="CONTEXT" in words,
    )


def _shown(reader: Reader) -> tuple[FetchAttribute, ...]:
    """Read what comes after the parenthesis of modifier-update (RFC 5465 §8).

    modifier-update = "UPDATE" [ "(" fetch-att *(SP fetch-att) ")" ]
    """
    shown = [parse_attribute(reader)]
    while not reader.try_octet(b")"):
        if len(shown) >= MAX_ATTRIBUTES:
            reader.fail("The list is too long")
        reader.space()
        shown.append(parse_attribute(reader))
    return tuple(shown)


def cancel_update(reader: Reader) -> c.CancelUpdate:
    """Read cancelupdate (RFC 5267 §5).

    cancelupdate = "CANCELUPDATE" 1*(SP quoted)
    """
    tags = []
    while reader.try_space():
        tags.append(reader.string())
        if len(tags) > MAX_TAGS:
            reader.fail("Too many tags")
    if not tags:
        reader.fail("A tag is missing")
    return c.CancelUpdate(tuple(tags))


def _only_fuzzy(reader: Reader, key: SearchKey, *, asked: bool) -> None:
    """RFC 6203 §4 and §6: relevancy is of a fuzzy search only."""
    if asked and not mentions_fuzzy(key):
        reader.fail("RELEVANCY wants a FUZZY search key")


def _partial(reader: Reader) -> tuple[int, int]:
    """partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number; the smaller distance comes back first."""
    last = reader.try_octet(b"-")
    first = reader.positive(_MAX_PARTIAL)
    reader.octet(b":", "A range is malformed")
    if last:
        reader.octet(b"-", "A range is malformed")
    second = reader.positive(_MAX_PARTIAL)
    low, high = min(first, second), max(first, second)
    return (-low, -high) if last else (low, high)


def sort(reader: Reader, *, uid: bool) -> c.Sort:
    """Read sort.

    sort = "SORT" [search-return-opts] SP "(" sort-criterion *(SP sort-criterion) ")" SP charset search-keys
    """
    returned = _return_options(reader)
    reader.space()
    criteria = reader.parenthesised(lambda: _criterion(reader), limit=20)
    reader.space()
    charset = reader.text().upper()
    reader.space()
    key = parse_search_keys(reader, CHARSETS.get(charset, "latin-1"))
    by_relevancy = any(name == "relevancy" for name, _ in criteria)
    _only_fuzzy(reader, key, asked=by_relevancy or (returned is not None and returned.relevancy))
    return c.Sort(criteria, key, charset, returned, uid)


def _criterion(reader: Reader) -> tuple[c.SortKey, bool]:
    word = reader.keyword("A sort key")
    reverse = word == "REVERSE"
    if reverse:
        reader.space()
        word = reader.keyword("A sort key")
    if word not in _SORT_KEYS:
        reader.fail("Unknown sort key")
    return _SORT_KEYS[word], reverse


def thread(reader: Reader, *, uid: bool) -> c.Thread:
    """Read thread.

    thread = "THREAD" SP thread-alg SP charset search-keys
    """
    reader.space()
    algorithm = reader.keyword("An algorithm")
    if algorithm not in {"REFERENCES", "ORDEREDSUBJECT"}:
        reader.fail("Unknown thread algorithm")
    reader.space()
    charset = reader.text().upper()
    reader.space()
    return c.Thread(algorithm, parse_search_keys(reader, CHARSETS.get(charset, "latin-1")), charset, uid)


def fetch(reader: Reader, *, uid: bool) -> c.Fetch:
    """Read fetch.

    fetch = "FETCH" SP sequence-set SP (macro / fetch-att / list) [SP "(" fetch-modifier *(SP fetch-modifier) ")"]
    """
    reader.space()
    sequence = reader.sequence()
    reader.space()
    attributes = parse_attributes(reader)
    changed_since: int | None = None
    vanished = False
    partial: tuple[int, int] | None = None
    if reader.try_space():
        reader.octet(b"(", "A modifier is missing")
        while True:
            word = reader.keyword("A modifier")
            if word == "CHANGEDSINCE" and changed_since is None:
                reader.space()
                changed_since = reader.number64()
            elif word == "VANISHED" and uid:
                vanished = True
            elif word == "PARTIAL" and uid and partial is None:
                reader.space()
                partial = _partial(reader)
            else:
                reader.fail("Unknown FETCH modifier")
            if reader.try_octet(b")"):
                break
            reader.space()
    if vanished and changed_since is None:
        reader.fail("VANISHED needs CHANGEDSINCE")  # RFC 7162 §3.2.6
    return c.Fetch(sequence, attributes, uid, changed_since, vanished, partial)


def store(reader: Reader, *, uid: bool) -> c.Store:
    """Read store.

    store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP number64 ")"] SP ["+" / "-"] "FLAGS" [".SILENT"] SP flags
    """
    reader.space()
    sequence = reader.sequence()
    reader.space()
    unchanged_since: int | None = None
    if reader.try_octet(b"("):
        if reader.keyword("A modifier") != "UNCHANGEDSINCE":
            reader.fail("Unknown STORE modifier")
        reader.space()
        unchanged_since = reader.number(MAX_NUMBER64)
        reader.octet(b")", "A parenthesis is missing")
        reader.space()
    mode = c.StoreMode.REPLACE
    if reader.try_octet(b"+"):
        mode = c.StoreMode.ADD
    elif reader.try_octet(b"-"):
        mode = c.StoreMode.REMOVE
    match = _STORE_NAME.match(reader.keyword("FLAGS"))
    if match is None:
        reader.fail("FLAGS is missing")
    reader.space()
    flags = reader.flag_list() if reader.peek() == b"(" else _bare_flags(reader)
    return c.Store(sequence, mode, flags, match[1] is not None, unchanged_since, uid)


def _bare_flags(reader: Reader) -> tuple[str, ...]:
    """Read bare flags.

    flag *(SP flag), without parentheses.
    """
    flags = [reader.flag()]
    while len(flags) < 200 and reader.try_space():
        flags.append(reader.flag())
    return tuple(flags)


def copy(reader: Reader, *, uid: bool, move: bool) -> c.Copy:
    reader.space()
    sequence = reader.sequence()
    reader.space()
    return c.Copy(sequence, reader.mailbox(), uid, move)


def uid_expunge(reader: Reader) -> c.Expunge:
    """Read uid expunge (RFC 9051 §6.4.9).

    "UID" SP "EXPUNGE" SP sequence-set
    """
    reader.space()
    return c.Expunge(reader.sequence())
