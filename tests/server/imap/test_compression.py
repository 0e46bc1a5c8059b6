"""The two deflate streams by themselves."""

import contextlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imap.compression import (
    ALLOWANCE,
    MEMORY_LEVEL,
    PIECE,
    RATIO,
    WINDOW_BITS,
    Deflation,
    Inflation,
    Unreadable,
)
from tests.fakes.deflated import Packer


def take_all(inflation):
    data = b""
    while inflation.waiting:
        piece = inflation.take()
        assert len(piece) <= PIECE
        data += piece
    return data


@given(st.lists(st.one_of(st.binary(max_size=300), st.just(b"a NOOP\r\n" * 9000)), max_size=12), st.integers(9, 15))
def test_what_a_client_packs_comes_out_whole_however_it_arrives(parts, window):
    packer, inflation = Packer(window), Inflation()
    received = b""
    for part in parts:
        packed = packer(part)
        inflation.feed(packed[: len(packed) // 2])
        received += take_all(inflation)
        inflation.feed(packed[len(packed) // 2 :])
        received += take_all(inflation)
    assert received == b"".join(parts)


@given(st.lists(st.tuples(st.binary(max_size=2000), st.booleans()), max_size=20))
def test_a_client_reads_every_answer_and_does_not_notice_a_rest(answers):
    deflation, stream = Deflation(), zlib.decompressobj(-15)
    for answer, rests in answers:
        assert stream.decompress(deflation.pack(answer) + deflation.finish()) == answer
        if rests:
            deflation.rest()
            deflation.rest()
    assert not stream.eof


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=400))
def test_nonsense_is_unreadable_or_little(data):
    inflation = Inflation()
    inflation.feed(data)
    with contextlib.suppress(Unreadable):
        assert len(take_all(inflation)) <= 1032 * len(data)


def test_a_bomb_goes_off_at_its_limit():
    """security: forty megabytes of zeros are forty kilobytes of deflate."""
    bomb = Packer()(bytes(40 * 2**20))
    inflation, out = Inflation(), 0
    inflation.feed(bomb)
    with pytest.raises(Unreadable):
        while inflation.waiting:
            out += len(inflation.take())
    assert out <= ALLOWANCE + RATIO * len(bomb)


def test_an_accepted_literal_is_not_counted():
    size = 3 * ALLOWANCE
    packed = Packer()(bytes(size))
    inflation = Inflation()
    inflation.expect(size)
    inflation.feed(packed)
    assert len(take_all(inflation)) == size


@pytest.mark.parametrize("tail", [b"", b"more"])
def test_nothing_follows_the_end_of_a_stream(tail):
    stream = zlib.compressobj(6, zlib.DEFLATED, -15)
    inflation = Inflation()
    inflation.feed(stream.compress(b"a NOOP\r\n") + stream.flush() + tail)
    if tail:
        with pytest.raises(Unreadable):
            take_all(inflation)
        return
    assert take_all(inflation) == b"a NOOP\r\n"
    inflation.feed(b"x")
    with pytest.raises(Unreadable):
        inflation.take()


def test_packing_costs_what_the_documentation_says():
    """zlib.h: deflate takes 2**(windowBits+2) + 2**(memLevel+9) octets."""
    assert 2 ** (WINDOW_BITS + 2) + 2 ** (MEMORY_LEVEL + 9) == 64 * 1024
