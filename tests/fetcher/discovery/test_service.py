from hypothesis import given
from hypothesis import strategies as st

from fetcher.discovery import service
from fetcher.discovery.offer import Origin, acceptable
from server.dns.resolver import Srv


def chosen(**records):
    result = service.offers("mill.fi", {f"_{k}._tcp": [Srv(*r) for r in v] for k, v in records.items()})
    return result and [(o.protocol, o.host, o.port, o.tls) for o in result.offers]


def test_both_services():
    assert chosen(imaps=[(0, 1, 993, "imap.mill.fi")], pop3s=[(0, 1, 995, "pop.mill.fi")]) == [
        ("imap", "imap.mill.fi", 993, "implicit"),
        ("pop3", "pop.mill.fi", 995, "implicit"),
    ]


def test_the_priority_says_which_service_is_preferred():
    assert chosen(imaps=[(10, 1, 993, "imap.mill.fi")], pop3s=[(0, 1, 995, "pop.mill.fi")])[0][0] == "pop3"


def test_of_one_service_the_lowest_priority_and_the_highest_weight():
    records = [(20, 9, 993, "c.mill.fi"), (10, 1, 993, "b.mill.fi"), (10, 5, 993, "a.mill.fi")]
    assert chosen(imaps=records) == [("imap", "a.mill.fi", 993, "implicit")]


def test_tls_from_the_start_comes_before_starttls():
    assert chosen(imap=[(0, 1, 143, "a.mill.fi")], imaps=[(10, 1, 993, "b.mill.fi")])[0][3] == "implicit"
    assert chosen(imap=[(0, 1, 143, "a.mill.fi")]) == [("imap", "a.mill.fi", 143, "starttls")]


def test_a_root_as_target_says_that_there_is_none():
    assert chosen(imaps=[(0, 0, 0, "")]) is None
    assert chosen(imaps=[(0, 0, 0, "")], pop3s=[(0, 1, 995, "pop.mill.fi")])[0][0] == "pop3"


def test_targets_inside_the_own_network_are_not_proposed():
    assert chosen(imaps=[(0, 1, 993, "localhost"), (0, 1, 6379, "a.mill.fi"), (0, 1, 993, "10.0.0.1")]) is None


@given(
    st.dictionaries(
        st.sampled_from([*service.SERVICES]),
        st.lists(st.builds(Srv, st.integers(0, 9), st.integers(0, 9), st.integers(0, 65535), st.text(max_size=12))),
    )
)
def test_any_records(records):
    result = service.offers("mill.fi", records)
    assert result is None or (result.origin is Origin.DNS and all(acceptable(o) for o in result.offers))
