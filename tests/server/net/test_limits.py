import pytest

from server.config import Limits
from server.net.limits import ConnectionLimits


def test_one_address():
    limits = ConnectionLimits(total=10, per_address=2, per_local_address=3)
    assert [limits.enter("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert limits.enter("192.0.2.2")
    limits.leave("192.0.2.1")
    assert limits.enter("192.0.2.1")
    assert limits.open == 3


def test_everybody_together():
    limits = ConnectionLimits(total=2, per_address=2, per_local_address=2)
    assert limits.enter("192.0.2.1")
    assert limits.enter("192.0.2.2")
    assert not limits.enter("192.0.2.3")
    limits.leave("192.0.2.2")
    assert limits.enter("192.0.2.3")


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_has_a_bound_of_its_own(peer):
    limits = ConnectionLimits(total=10, per_address=1, per_local_address=3)
    assert [limits.enter(peer) for _ in range(4)] == [True, True, True, False]


def test_ipv6_is_counted_by_network():
    limits = ConnectionLimits(total=10, per_address=1, per_local_address=3)
    assert limits.enter("2001:db8:1:2::1")
    assert not limits.enter("2001:db8:1:2:ffff::9")
    assert limits.enter("2001:db8:1:3::1")
    assert limits.enter("fe80::1%eth0")
    assert not limits.enter("fe80::2%eth0")


def test_ipv4_in_ipv6_is_the_same_peer():
    limits = ConnectionLimits(total=10, per_address=1, per_local_address=3)
    assert limits.enter("192.0.2.1")
    assert not limits.enter("::ffff:192.0.2.1")


def test_nothing_is_remembered_of_those_who_left():
    limits = ConnectionLimits.of(Limits(connections=5, connections_per_address=1))
    for number in range(50):
        peer = f"192.0.2.{number}"
        with limits.admitted(peer) as entered:
            assert entered
            with limits.admitted(peer) as again:
                assert not again
    assert limits.open == 0
    assert not limits._open
