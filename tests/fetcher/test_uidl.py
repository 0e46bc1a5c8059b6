from hypothesis import given
from hypothesis import strategies as st

from fetcher import uidl
from fetcher.uidl import Entry, Known, Planner, Policy, State, Verdict


def plan(entries, known=None, **policy):
    planner = Planner(Policy(**policy))
    planner.feed(entries, known or {})
    return planner.plan()


def listing(uidl_block, list_block):
    return list(uidl.entries(uidl_block, uidl.sizes(list_block)))


def test_both_listings_are_joined():
    assert listing(b"1 a\r\n2 b\r\n", b"1 10\r\n2 20\r\n") == [Entry(1, "a", 10), Entry(2, "b", 20)]


def test_without_uidl_every_message_is_nameless():
    assert listing(None, b"1 10\r\n3 30\r\n") == [Entry(1, "", 10), Entry(3, "", 30)]


def test_a_message_that_uidl_left_out_is_not_forgotten():
    assert listing(b"2 b\r\n", b"1 10\r\n2 20\r\n") == [Entry(2, "b", 20), Entry(1, "", 10)]


def test_a_uidl_given_twice_names_only_the_first():
    assert listing(b"1 a\r\n2 a\r\n", b"1 1\r\n2 2\r\n") == [Entry(1, "a", 1), Entry(2, "", 2)]


def test_a_number_given_twice_counts_once():
    assert listing(b"1 a\r\n1 b\r\n", b"1 1\r\n") == [Entry(1, "a", 1)]


def test_odd_uidls_are_kept_as_hashes():
    long, odd = listing(b"1 " + b"u" * 300 + b"\r\n2 \xff\xfe\r\n", b"1 1\r\n2 2\r\n")
    assert long.uidl.startswith("x:") and odd.uidl.startswith("x:") and long.uidl != odd.uidl


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_listing_breaks_it(one, two):
    entries = listing(one, two)
    assert len({e.number for e in entries}) == len([e for e in entries if e.size >= 0]) + len(
        {e.number for e in entries if e.size < 0}
    )
    names = [e.uidl for e in entries if e.uidl]
    assert len(names) == len(set(names))


def test_hostile_numbers_cost_no_memory():
    assert len(uidl.sizes(b"999999999 1\r\n1 99999999999999999999\r\n-1 5\r\n0 1\r\n")) == 1


def test_new_ones_are_fetched_in_order_and_newest_first_in_the_import():
    entries = [Entry(n, f"u{n}", 1) for n in range(1, 6)]
    assert [e.number for e in plan(entries).fetch] == [1, 2, 3, 4, 5]
    first = plan(entries, newest_first=True, batch=2)
    assert [e.number for e in first.fetch] == [5, 4]
    assert first.truncated and first.waiting == 5
    assert [e.number for e in plan(entries, batch=2).fetch] == [1, 2]


def test_what_is_settled_is_left_alone():
    known = {"a": Known(State.DELIVERED, 1), "b": Known(State.DUPLICATE, 2), "c": Known(State.REFUSED, 3)}
    done = plan([Entry(1, "a", 1), Entry(2, "b", 2), Entry(3, "c", 3)], known)
    assert done.idle and done.settled == 3


def test_nothing_is_deleted_by_its_uidl_alone():
    """What earlier sessions delivered is looked at again before it is deleted."""
    known = {"a": Known(State.DELIVERED, 1), "c": Known(State.REFUSED, 3)}
    found = plan([Entry(1, "a", 1), Entry(2, "c", 3)], known, leave=False)
    assert [e.uidl for e in found.verify] == ["a"] and not found.fetch


def test_a_uidl_that_came_back_or_changed_its_size_is_looked_at_again():
    known = {"a": Known(State.DELIVERED, 1, absent=True), "b": Known(State.DELIVERED, 5)}
    found = plan([Entry(1, "a", 1), Entry(2, "b", 6)], known)
    assert [e.uidl for e in found.verify] == ["a", "b"]


def test_pending_ones_are_fetched_again_and_big_ones_are_not():
    known = {"a": Known(State.PENDING, 1, generation=2)}
    planner = Planner(Policy(size_limit=100))
    planner.feed([Entry(1, "a", 1), Entry(2, "b", 101), Entry(3, "c", -1)], known)
    found = planner.plan()
    assert [e.uidl for e in found.fetch] == ["a", "c"] and [e.uidl for e in found.too_big] == ["b"]
    assert planner.known["a"].generation == 2


def test_only_the_header_tells_who_a_message_is():
    assert uidl.verify(Known(State.DELIVERED, 1, header_hash="h"), "h") is Verdict.SAME
    assert uidl.verify(Known(State.DELIVERED, 1, header_hash="h"), "i") is Verdict.OTHER
    assert uidl.verify(Known(State.DELIVERED, 1, header_hash=""), "") is Verdict.OTHER


def test_envelope_ids_name_source_uidl_and_generation():
    one = uidl.envelope_id(1, "a", 0)
    assert one == uidl.envelope_id(1, "a", 0)
    assert len({one, uidl.envelope_id(2, "a", 0), uidl.envelope_id(1, "b", 0), uidl.envelope_id(1, "a", 1)}) == 4
    assert len(uidl.envelope_id(10**9, "x" * 500, 10**6)) < 100
