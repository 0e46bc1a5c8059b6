import pytest
from hypothesis import given

from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.search_key import (
    Numbers,
    Recent,
    mentions_fuzzy,
    mentions_modseq,
    needs_numbers,
    parse_search_keys,
    resolve,
)
from server.imap.syntax.sequence import SequenceSet
from server.imap.syntax.token import Reader
from server.store import query as q
from tests.server.imap import strategies


def read(text):
    return parse_search_keys(Reader(RawCommand((text,))))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b"ALL", q.All()),
        (b"FLAGGED SINCE 1-Feb-1994 NOT FROM Smith", None),  # RFC 9051 §6.4.4
        (b"NEW", q.And((Recent(), q.Flag("\\Seen", present=False)))),
        (b"OLD", q.Not(Recent())),
        (b"UNKEYWORD $Junk", q.Flag("$Junk", present=False)),
        (b'MODSEQ "/flags/\\\\draft" all 620162338', q.Modseq(620162338)),  # RFC 7162 §3.1.5
        (b"OLDER 60 YOUNGER 3600", q.And((q.Older(60), q.Younger(3600)))),
        (b"EMAILID Mx OR THREADID Ty SAVEDATESUPPORTED", q.And((q.EmailId("Mx"), q.Or(q.ThreadId("Ty"), q.All())))),
        (
            b"1,3:* UID 5",
            q.And((Numbers(SequenceSet(((1, 1), (3, 0))), uid=False), Numbers(SequenceSet(((5, 5),)), uid=True))),
        ),
        (b"$", Numbers(SequenceSet.SAVED, uid=False)),
        (b"(ALL)", q.All()),
        # RFC 6203 §3
        (b'FUZZY SUBJECT "IMAP break"', q.Fuzzy(q.Field("subject", "IMAP break"))),
        (
            b'FUZZY SUBJECT work FROM "user@example.com"',
            q.And((q.Fuzzy(q.Field("subject", "work")), q.Field("from", "user@example.com"))),
        ),
        (b"FUZZY (TEXT x 1)", q.Fuzzy(q.And((q.Text("x"), Numbers(SequenceSet(((1, 1),)), uid=False))))),  # type: ignore[arg-type]
    ],
)
def test_keys(text, key):
    found = read(text)
    assert key is None or found == key


def test_numbers_become_uids():
    key = read(b"OR 1:2 NOT (UID 7 SEEN)")
    seen = []

    def numbers(sequence, uid):
        seen.append((bytes(sequence), uid))
        return ((len(seen), len(seen)),)

    assert resolve(key, numbers) == q.Or(
        q.Uids(((1, 1),)), q.Not(q.And((q.Uids(((2, 2),)), q.Flag("\\Seen", present=True))))
    )
    assert seen == [(b"1:2", False), (b"7", True)]


@given(strategies.keys)
def test_nothing_is_left_to_resolve(key):
    resolved = resolve(key, lambda _sequence, _uid: ())
    assert not needs_numbers(resolved)
    assert mentions_modseq(resolved) is mentions_modseq(key) is ("Modseq" in repr(key))
    assert mentions_fuzzy(resolved) is mentions_fuzzy(key) is ("Fuzzy" in repr(key))
