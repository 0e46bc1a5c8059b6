import pytest

from server.store import model


def test_object_ids():
    assert model.email_id(bytes(range(32))) == "M000102030405060708090a0b0c0d0e0f"
    assert model.object_number(model.thread_id(42), "T") == 42
    assert model.object_number(model.mailbox_id(7), "F") == 7


@pytest.mark.parametrize("text", ["", "T", "42", "F42", "Tx", "T-1", "T٣", "T" + "9" * 30])
def test_ids_that_are_none_of_ours(text: str):
    assert model.object_number(text, "T") is None
