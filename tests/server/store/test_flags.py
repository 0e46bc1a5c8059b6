import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store import flag_set, flags, mailboxes
from server.store.errors import NoSuchMailbox, TooManyKeywords
from tests.fakes.mail_account import MailAccount, letter


def change(account: MailAccount, uids: list[int], op: flags.Op, names: list[str], since: int | None = None):
    inbox = account.box()
    return account.write(lambda w: flags.store_flags(w, inbox, uids, op, names, since))


def test_add_remove_replace(account: MailAccount):
    account.fill(3)
    done = change(account, [1, 3], "add", ["\\Seen", "Work"])
    assert [(uid, names) for uid, names, _ in done.changed] == [(1, {"\\Seen", "Work"}), (3, {"\\Seen", "Work"})]
    assert done.failed == []
    change(account, [1], "remove", ["\\SEEN", "never seen"])
    change(account, [3], "replace", ["\\Flagged"])
    assert [row.flags for row in account.rows()] == [{"Work"}, set(), {"\\Flagged"}]


def test_keywords_keep_their_first_spelling(account: MailAccount):
    account.fill(2)
    change(account, [1], "add", ["ToDo"])
    change(account, [2], "add", ["TODO"])
    change(account, [1], "add", ["todo"])
    assert [row.flags for row in account.rows()] == [{"ToDo"}, {"ToDo"}]
    assert account.read(flag_set.keywords) == ["ToDo"]
    change(account, [2], "remove", ["tOdO"])
    assert account.rows()[1].flags == set()


def test_what_changes_nothing_is_no_change(account: MailAccount):
    account.append(letter(), flags=("\\Seen",))
    before = account.rows()
    assert change(account, [1], "add", ["\\Seen"]).changed == []
    assert change(account, [7], "add", ["\\Flagged"]).changed == []
    assert account.rows() == before


def test_only_unchanged_messages(account: MailAccount):
    account.fill(3)
    at = account.rows()[2].modseq
    change(account, [2], "add", ["\\Seen"])
    done = change(account, [1, 2, 3], "add", ["\\Flagged"], since=at)
    assert [uid for uid, _, _ in done.changed] == [1, 3]
    assert done.failed == [2]
    assert account.rows()[1].flags == {"\\Seen"}


def test_one_change_has_one_modseq_and_the_mailbox_has_it_too(account: MailAccount):
    account.fill(3)
    done = change(account, [1, 2], "add", ["\\Seen"])
    (modseq,) = {modseq for _, _, modseq in done.changed}
    assert account.read(lambda r: mailboxes.status(r, 1)).highestmodseq == modseq


def test_refusals(account: MailAccount):
    account.fill(1)
    with pytest.raises(NoSuchMailbox):
        account.write(lambda w: flags.store_flags(w, 99, [1], "add", ["\\Seen"]))
    change(account, [1], "add", [f"k{n}" for n in range(64)])
    with pytest.raises(TooManyKeywords):
        change(account, [1], "add", ["onemore"])
    assert len(account.rows()[0].flags) == 64


def test_an_account_has_so_many_keywords(account: MailAccount, monkeypatch: pytest.MonkeyPatch):
    account.fill(1)
    monkeypatch.setattr(flag_set, "KEYWORDS_PER_ACCOUNT", 2)
    change(account, [1], "replace", ["a", "b"])
    with pytest.raises(TooManyKeywords):
        change(account, [1], "replace", ["c"])
    change(account, [1], "replace", ["a"])


NAMES = st.lists(
    st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "\\Draft", "\\Answered", "a", "B", "$c"]), max_size=5
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "replace"]), st.sets(st.integers(1, 4)), NAMES), max_size=8
)


@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_against_a_model(account: MailAccount, steps):
    start = account.read(lambda r: mailboxes.status(r, 1)).uidnext
    account.fill(4)
    model: dict[int, set[str]] = {n: set() for n in range(1, 5)}
    for op, uids, names in steps:
        change(account, [start + n - 1 for n in sorted(uids)], op, names)
        for n in uids:
            model[n] = {"add": model[n] | set(names), "remove": model[n] - set(names), "replace": set(names)}[op]
    assert [set(row.flags) for row in account.rows()[-4:]] == list(model.values())
    assert account.verify() == []
