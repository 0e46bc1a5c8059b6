import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.document.frame import FINISHED, LONGEST, TEXT, Answers, answer

ANSWERS = st.lists(st.tuples(st.sampled_from([TEXT, FINISHED]), st.binary(max_size=40)))


@given(ANSWERS, st.integers(1, 7))
def test_answers_come_back_whole_however_they_are_cut(sent, size):
    wire = b"".join(answer(what, octets) for what, octets in sent)
    answers = Answers()
    found = [one for at in range(0, len(wire), size) for one in answers.feed(wire[at : at + size])]
    assert found == sent


def test_an_answer_without_end_is_not_waited_for():
    with pytest.raises(ValueError, match="too long"):
        list(Answers().feed(TEXT + (LONGEST + 1).to_bytes(4, "big")))
