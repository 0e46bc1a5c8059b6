from hypothesis import given
from hypothesis import strategies as st

from server.store import rights, schema

FLAGS = {
    "\\Seen": schema.SEEN,
    "\\Answered": schema.ANSWERED,
    "\\Flagged": schema.FLAGGED,
    "\\Deleted": schema.DELETED,
    "\\Draft": schema.DRAFT,
}
some_rights = st.frozensets(st.sampled_from(rights.ORDER))


def test_letters_stand_in_one_order():
    assert rights.write_down("axterl") == "lrxtea"
    assert rights.write_down(rights.ALL) == rights.ORDER


@given(some_rights)
def test_mask_and_names_say_the_same(held):
    mask = rights.flag_mask(held)
    for name, bit in FLAGS.items():
        assert bool(mask.bits & bit) == (rights.allowed([name, name.upper()], held) != [])
    assert mask.keywords == (rights.allowed(["$Junk"], held) != []) == ("w" in held)
    assert mask.everything == held.issuperset("swt")


def test_the_owner_may_change_every_flag():
    assert rights.flag_mask(rights.ALL) is rights.EVERY_FLAG
