"""What follows from an attempt, for every recipient and exactly once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.queue import settle
from server.queue.model import Kind, Message, Outcome, Recipient, State
from server.queue.retry import DAY, HOUR
from server.queue.spool import Lease

NOTIFY = st.sampled_from(
    [None, frozenset({"NEVER"}), frozenset({"FAILURE"}), frozenset({"DELAY"}), frozenset({"SUCCESS"})]
)


def lease(*recipients, reverse_path="anna@example.org", account=1, notices=()) -> Lease:
    message = Message("q", reverse_path, account, None, None, 1, False, 0)
    return Lease(message, 0, "remote.test", tuple(recipients), frozenset(notices))


def recipient(number=1, **fields) -> Recipient:
    return Recipient(number, f"u{number}@remote.test", "remote.test", **fields)


def outcome(kind, number=1) -> Outcome:
    return Outcome(number, kind, 450, "4.0.0", "text", "mx.test")


@given(
    st.lists(
        st.tuples(st.sampled_from([*Kind, None]), st.integers(0, 60), st.integers(0, 1), NOTIFY), min_size=1, max_size=6
    ),
    st.integers(0, 10 * DAY),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(["", "anna@example.org"]),
    st.sampled_from([None, 1]),
)
def test_every_recipient_has_one_end(cases, now, chance, reverse_path, account):
    people = [recipient(n, attempts=a, uncertain=u, notify=w) for n, (_, a, u, w) in enumerate(cases)]
    outcomes = [outcome(kind, n) for n, (kind, *_) in enumerate(cases) if kind is not None]
    plan = settle.plan(lease(*people, reverse_path=reverse_path, account=account), outcomes, now=now, chance=chance)
    assert [c.recipient for c in plan.changes] == people
    for change, (kind, *_) in zip(plan.changes, cases, strict=True):
        assert (change.next_attempt is not None) == (change.state is State.QUEUED)
        if change.next_attempt is not None:
            assert change.next_attempt > now
        if kind is Kind.DELIVERED:
            assert change.state is State.DELIVERED
        if kind is Kind.FAILED:
            assert change.state is (State.HELD if reverse_path and account is None else State.FAILED)
        assert change.uncertain <= settle.MAX_UNCERTAIN
    reported = [*plan.failed, *plan.delayed]
    if not reverse_path or account is None:
        assert reported == []
    assert all(c.state is State.FAILED and c.recipient.notify in (None, {"FAILURE"}) for c in plan.failed)
    assert all(c.state is State.QUEUED and c.recipient.notify in (None, {"DELAY"}) for c in plan.delayed)


@pytest.mark.parametrize(("uncertain", "state"), [(0, State.QUEUED), (1, State.FAILED)])
def test_doubt(uncertain, state):
    plan = settle.plan(lease(recipient(uncertain=uncertain)), [outcome(Kind.UNCERTAIN)], now=0, chance=0.5)
    assert plan.changes[0].state is state
    assert plan.changes[0].uncertain == uncertain + 1


def test_a_strangers_message_that_cannot_be_filed_is_kept_for_the_administrator():
    plan = settle.plan(lease(recipient(), account=None), [outcome(Kind.FAILED)], now=0, chance=0.5)
    assert (plan.changes[0].state, plan.failed) == (State.HELD, ())


def test_a_notice_is_sent_once():
    late = {"outcomes": [outcome(Kind.DEFERRED)], "now": 5 * HOUR, "chance": 0.5}
    assert len(settle.plan(lease(recipient()), **late).delayed) == 1
    assert settle.plan(lease(recipient(), notices={1}), **late).delayed == ()


def test_postponed():
    plan = settle.plan(
        lease(recipient(1), recipient(2), recipient(3)),
        [outcome(Kind.FAILED, 1), outcome(Kind.DELIVERED, 2)],
        now=0,
        chance=0.5,
    ).postponed(77)
    assert [(c.state, c.next_attempt) for c in plan.changes][:2] == [(State.QUEUED, 77), (State.DELIVERED, None)]
    assert plan.failed == plan.delayed == ()
