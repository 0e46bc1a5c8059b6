import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store import changes, expunge, flags, mailboxes, messages
from server.store.errors import NoSuchMailbox
from tests.fakes.mail_account import MailAccount, letter


def head(account: MailAccount) -> int:
    return account.read(lambda r: mailboxes.status(r, 1)).highestmodseq


def test_nothing_happened(account: MailAccount):
    account.fill(2)
    now = head(account)
    delta = account.read(lambda r: changes.since(r, 1, now))
    assert (delta.highestmodseq, delta.uidnext) == (now, 3)
    assert (delta.changed, delta.vanished, delta.new) == ([], [], [])


def test_new_changed_vanished(account: MailAccount):
    account.fill(4)
    then = head(account)
    account.write(lambda w: flags.store_flags(w, 1, [2], "add", ["\\Seen"]))
    account.append(letter("new"))
    account.append(letter("new and gone"))
    account.write(lambda w: flags.store_flags(w, 1, [5], "add", ["\\Flagged"]))
    account.write(lambda w: expunge.remove(w, 1, [1, 3, 6]))
    delta = account.read(lambda r: changes.since(r, 1, then))
    assert [(uid, set(names)) for uid, names, _ in delta.changed] == [(2, {"\\Seen"})]
    assert delta.new == [5]
    assert delta.vanished == [1, 3, 6]
    assert (delta.highestmodseq, delta.uidnext) == (head(account), 7)


def test_other_mailboxes_do_not_matter(account: MailAccount):
    then = head(account)
    account.append(letter("a"), box="Sent")
    assert account.read(lambda r: changes.since(r, 1, then)).new == []
    assert account.read(changes.account_modseq) > then


def test_a_deleted_mailbox(account: MailAccount):
    number = account.write(lambda w: mailboxes.create(w, "x")).id
    account.write(lambda w: mailboxes.delete(w, "x"))
    with pytest.raises(NoSuchMailbox):
        account.read(lambda r: changes.since(r, number, 0))


STEP = st.one_of(
    st.tuples(st.just("append"), st.just(set())),
    st.tuples(st.just("flag"), st.sets(st.integers(1, 12))),
    st.tuples(st.just("remove"), st.sets(st.integers(1, 12))),
)


@given(st.lists(STEP, max_size=12), st.integers(0, 11))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_client_that_follows_deltas_sees_the_mailbox(account: MailAccount, steps, look_after: int):
    """Whatever happens, old view + delta = new view."""
    seen = {row.uid: row.flags for row in account.rows()}
    at = head(account)
    for n, (what, uids) in enumerate(steps):
        chosen = sorted(uids)
        if what == "append":
            account.append(letter(f"{n}"))
        elif what == "flag":
            account.write(lambda w, u=chosen, n=n: flags.store_flags(w, 1, u, "add", [f"k{n}"]))
        else:
            account.write(lambda w, u=chosen: expunge.remove(w, 1, u))
        if n == look_after:
            seen, at = follow(account, seen, at)
    seen, _ = follow(account, seen, at)
    assert seen == {row.uid: row.flags for row in account.rows()}
    assert account.verify() == []


def follow(account: MailAccount, seen: dict[int, frozenset[str]], at: int) -> tuple[dict[int, frozenset[str]], int]:
    delta = account.read(lambda r: changes.since(r, 1, at))
    assert not set(delta.new) & {uid for uid, _, _ in delta.changed}
    seen = {uid: names for uid, names in seen.items() if uid not in delta.vanished}
    seen |= {uid: names for uid, names, _ in delta.changed}
    seen |= {uid: names for uid, names, _ in account.read(lambda r: messages.flags(r, 1, delta.new))}
    return seen, delta.highestmodseq
