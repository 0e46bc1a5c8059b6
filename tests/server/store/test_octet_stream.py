"""A message read piece by piece."""

import random

import pytest

from server.store import expunge, octet_stream
from server.store.errors import NoSuchMessage
from server.store.octet_stream import open_stream
from tests.fakes.mail_account import MailAccount

HEAD = b"Subject: large\r\n\r\n"
RAW = HEAD + random.Random(1).randbytes(700_000).hex().encode() + b"\r\n"


@pytest.mark.parametrize("object_size", [10, 2**30], ids=["beside the database", "inside"])
def test_all_of_it_in_pieces(account: MailAccount, object_size: int):
    uid = account.append(RAW, object_size=object_size).uid
    stream = account.read(lambda r: open_stream(r, 1, uid))
    assert (stream.size, stream.header_size) == (len(RAW), len(HEAD))
    pieces = []
    while piece := stream.read():
        pieces.append(piece)
    stream.close()
    assert b"".join(pieces) == RAW
    assert max(map(len, pieces)) <= octet_stream.PIECE
    assert len(pieces) > 1


def test_one_that_is_removed_meanwhile_is_read_to_its_end(account: MailAccount):
    uid = account.append(RAW, object_size=10).uid
    stream = account.read(lambda r: open_stream(r, 1, uid))
    begin = stream.read()
    account.write(lambda w: expunge.remove(w, 1, [uid]))
    for path in account.path.parent.rglob("*.zst"):
        path.unlink()
    assert begin + b"".join(iter(stream.read, b"")) == RAW
    stream.close()
    with pytest.raises(NoSuchMessage):
        account.read(lambda r: open_stream(r, 1, uid))


def test_an_object_that_is_gone(account: MailAccount):
    uid = account.append(RAW, object_size=10).uid
    for path in account.path.parent.rglob("*.zst"):
        path.unlink()
    with pytest.raises(NoSuchMessage):
        account.read(lambda r: open_stream(r, 1, uid))
