from hypothesis import given
from hypothesis import strategies as st

from server.delivery.verdict import Action, CheckResult, decide


def test_nothing_found():
    assert decide([]).action is Action.ACCEPT
    assert decide([]).reason is None
    assert decide([CheckResult("a", Action.ACCEPT)]).reason is None


def test_the_worst_counts_and_the_first_of_equals_is_the_reason():
    junk, first, second = (
        CheckResult("junk", Action.JUNK),
        CheckResult("one", Action.REJECT, 550, "5.7.1", "one"),
        CheckResult("two", Action.REJECT, 554, "5.7.1", "two"),
    )
    assert decide([junk, first, second]).reason is first
    assert decide([CheckResult("d", Action.DEFER, 451), junk]).action is Action.DEFER


@given(st.lists(st.sampled_from(Action)))
def test_no_check_makes_it_milder(actions):
    verdict = decide(CheckResult(str(n), a) for n, a in enumerate(actions))
    assert verdict.action == max(actions, default=Action.ACCEPT)
