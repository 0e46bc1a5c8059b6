import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store import flag_set

NAMES = st.sets(st.from_regex(r"[A-Za-z$][A-Za-z0-9_.-]{0,10}", fullmatch=True), max_size=5)


@given(st.integers(0, 31), NAMES)
def test_there_and_back(bits: int, names: set[str]):
    flags = flag_set.decode(bits, flag_set.encode_keywords(names))
    back, words = flag_set.bits_of(flags)
    assert (back, set(words)) == (bits, names)


def test_a_keyword_stands_between_spaces():
    assert flag_set.encode_keywords(["b", "a"]) == " a b "
    assert flag_set.encode_keywords([]) == ""


@pytest.mark.parametrize("flag", ["\\Seen", "\\SEEN", "\\seen"])
def test_system_flags_in_any_case(flag: str):
    assert flag_set.bits_of([flag]) == (1, [])
