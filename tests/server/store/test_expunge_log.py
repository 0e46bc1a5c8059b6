"""The log of expunged uids stays short, and nobody misses anything."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.config import Settings
from server.notify.bus import SilentBus
from server.store import append, changes, expunge, expunge_log, mailboxes, messages
from server.store.expunge_log import DAY, KEPT_DAYS, Run, neighbours
from server.store.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.mail_account import MailAccount, letter

NOW = 1_800_000_000


def rows(account: MailAccount) -> list[tuple[int, int, int, int]]:
    found = account.read(lambda r: r.raw("SELECT mailbox_id, modseq, first, last FROM vanished").fetchall())
    return sorted(found, key=lambda row: (row[0], row[2]))


def remove(account: MailAccount, *uids: int) -> int:
    """Remove, one after the other; return the last mod-sequence."""
    for uid in uids:
        account.write(lambda w, uid=uid: expunge.remove(w, 1, [uid]))
    return account.read(changes.account_modseq)


def compact(account: MailAccount, upto: int, **options: int) -> int:
    return account.write(lambda w: expunge_log.compact(w, upto, **options))


def test_neighbours():
    runs = [Run(9, 1, 2), Run(5, 3, 3), Run(7, 4, 6), Run(8, 8, 8), Run(2, 10, 11), Run(3, 12, 12)]
    assert list(neighbours(runs)) == [runs[:3], runs[4:]]
    assert list(neighbours([])) == list(neighbours(runs[:1])) == []


def test_rows_side_by_side_become_one_with_the_later_number(account: MailAccount):
    account.fill(6)
    upto = remove(account, 3, 2, 5, 1)
    assert compact(account, upto) == 3
    (first, second) = rows(account)
    assert first[2:] == (1, 3)
    assert first[1] == upto
    assert second[2:] == (5, 5)
    assert account.uids() == [4, 6]
    assert account.verify() == []
    assert compact(account, upto) == 0


def test_younger_rows_are_left_alone(account: MailAccount):
    account.fill(4)
    upto = remove(account, 1, 2)
    remove(account, 3)
    compact(account, upto)
    assert [row[2:] for row in rows(account)] == [(1, 2), (3, 3)]


def test_mailboxes_are_apart(account: MailAccount):
    account.fill(2)
    account.fill(2, box="Sent")
    sent = account.box("Sent")
    remove(account, 1, 2)
    for uid in (1, 2):
        account.write(lambda w, uid=uid: expunge.remove(w, sent, [uid]))
    compact(account, account.read(changes.account_modseq))
    assert [(row[0], *row[2:]) for row in rows(account)] == [(1, 1, 2), (sent, 1, 2)]
    assert account.verify() == []


def test_a_little_at_a_time(account: MailAccount):
    account.fill(9)
    upto = remove(account, 1, 2, 4, 5, 7, 8)
    assert [compact(account, upto, limit=2) for _ in range(4)] == [2, 2, 2, 0]
    assert [row[2:] for row in rows(account)] == [(1, 2), (4, 5), (7, 8)]


def test_by_the_calendar(account: MailAccount):
    """A row waits until the account was marked, and until that mark is old enough."""
    account.fill(5)
    remove(account, 1, 2)

    def day(number: int) -> None:
        now = NOW + number * DAY
        if account.read(lambda r: expunge_log.is_due(r, now)):
            assert not account.write(lambda w: expunge_log.advance(w, now))

    day(0)
    remove(account, 4, 5)
    day(KEPT_DAYS - 1)
    assert len(rows(account)) == 4
    day(KEPT_DAYS)
    assert [row[2:] for row in rows(account)] == [(1, 2), (4, 4), (5, 5)]
    day(2 * KEPT_DAYS)
    assert [row[2:] for row in rows(account)] == [(1, 2), (4, 5)]


def test_once_a_day_and_few_marks(account: MailAccount):
    for hour in range(24 * (KEPT_DAYS + 20)):
        now = NOW + hour * 3_600
        if account.read(lambda r, now=now: expunge_log.is_due(r, now)):
            account.append(letter(str(hour)))
            account.write(lambda w, now=now: expunge_log.advance(w, now))
    marks = account.read(lambda r: r.raw("SELECT at FROM log_mark ORDER BY at").fetchall())
    assert len(marks) <= KEPT_DAYS + 2
    assert all(b - a >= DAY for (a,), (b,) in pairwise(marks))


def test_a_quiet_account_is_left_alone(account: MailAccount):
    for day in range(5):
        account.write(lambda w, day=day: expunge_log.advance(w, NOW + day * DAY))
    assert account.read(lambda r: r.raw("SELECT at FROM log_mark").fetchall()) == [(NOW,)]
    assert not account.read(lambda r: expunge_log.is_due(r, NOW + 5 * DAY))
    later = NOW + KEPT_DAYS * DAY
    assert account.read(lambda r: expunge_log.is_due(r, later))
    account.write(lambda w: expunge_log.advance(w, later))
    assert not account.read(lambda r: expunge_log.is_due(r, later + 1_000 * DAY))


def test_a_long_run_is_put_together_a_little_at_a_time(account: MailAccount):
    account.fill(7)
    upto = remove(account, 1, 2, 3, 4, 5, 6, 7)
    assert [compact(account, upto, limit=3) for _ in range(4)] == [3, 3, 3, 0]
    assert [row[2:] for row in rows(account)] == [(1, 7)]
    assert account.verify() == []


def test_what_was_done_is_not_looked_at_again(account: MailAccount):
    account.fill(3)
    upto = remove(account, 1, 2)
    assert compact(account, upto, done=upto) == 0
    assert compact(account, upto, done=upto - 1) == 2


STEP = st.one_of(
    st.just(("append", 0)),
    st.tuples(st.just("remove"), st.sets(st.integers(1, 15), max_size=4)),
    st.tuples(st.just("compact"), st.integers(0, 60)),
)


@given(st.lists(STEP, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_client_of_any_time_comes_to_see_the_mailbox(tmp_path_factory, steps):
    """RFC 7162 §3.2.5: whatever was put together, what a client knew and VANISHED make what is there."""
    account = MailAccount(tmp_path_factory.mktemp("log"))
    try:
        account.fill(6)
        known = {account.read(changes.account_modseq): set(account.uids())}
        for what, value in steps:
            if what == "append":
                account.append(letter("more"))
            elif what == "remove":
                account.write(lambda w, uids=value: expunge.remove(w, 1, uids))
            else:
                compact(account, value)
            known.setdefault(account.read(changes.account_modseq), set(account.uids()))
            assert account.verify() == []
        there = set(account.uids())
        for at, before in known.items():
            delta = account.read(lambda r, at=at: changes.since(r, 1, at))
            assert (before - set(delta.vanished)) | set(delta.new) == there
            assert not set(delta.vanished) & there
        compact(account, 10_000)
        gaps = len(rows(account))
        assert gaps <= len(there) + 1
    finally:
        account.close()


def test_the_chore_does_it(tmp_path):
    clock = FakeClock()
    store = Store(Settings(tmp_path), SilentBus(), clock)

    def put(w):
        for number in range(3):
            append.append(w, 1, append.prepare(letter(str(number))))

    store.write_now(1, put)
    for uid in (1, 2):
        store.write_now(1, lambda w, uid=uid: expunge.remove(w, 1, [uid]))
    assert not store._do_chore(1, expunge_log.CHORE)
    clock.advance(timedelta(days=KEPT_DAYS).total_seconds())
    assert not store._do_chore(1, expunge_log.CHORE)
    assert store.read_now(1, lambda r: r.raw("SELECT first, last FROM vanished").fetchall()) == [(1, 2)]
    assert list(store.read_now(1, lambda r: messages.uids(r, mailboxes.by_name(r, "INBOX").id))) == [3]
    store.close()
