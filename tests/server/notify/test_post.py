from hypothesis import given
from hypothesis import strategies as st

from server.notify.post import AccountChanged, TopicPoked, decode


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_changes_there_and_back(account: int, modseq: int):
    word = AccountChanged(account, modseq)
    assert decode(word.encode()) == word


def test_topics_there_and_back():
    assert decode(TopicPoked("queue").encode()) == TopicPoked("queue")


@given(st.binary(max_size=60))
def test_anything_is_read_or_refused(datagram: bytes):
    word = decode(datagram)
    assert word is None or decode(word.encode()) == word
