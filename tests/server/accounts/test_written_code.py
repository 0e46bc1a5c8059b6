import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import written_code


@given(st.integers(1, 6))
def test_what_is_made_is_read_however_it_is_typed(groups):
    made = written_code.make(groups)
    plain = made.replace("-", "")
    assert len(plain) == 4 * groups
    for typed in (
        made,
        made.upper(),
        plain,
        made.replace("-", " "),
        f"  {made}  ",
        made.replace("0", "O").replace("1", "l"),
    ):
        assert written_code.normal(typed, groups) == plain


@given(st.text(max_size=80))
def test_anything_else_is_none(text):
    plain = written_code.normal(text, 4)
    assert plain is None or (len(plain) == 16 and set(plain) <= set(written_code.ALPHABET))


@pytest.mark.parametrize("text", ["", "-", "0" * 15, "0" * 17, "u" * 16, "0" * 16 + "\n0", "0-" * 500])
def test_wrong_forms(text):
    assert written_code.normal(text, 4) is None


def test_two_are_never_the_same():
    assert len({written_code.make(4) for _ in range(200)}) == 200
