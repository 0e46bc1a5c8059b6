"""Python's own POP3 client against our server."""

import asyncio
import poplib
import ssl
from functools import partial

import pytest

from tests.fakes.pop3_house import ADDRESS, PASSWORD, message, open_house


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def collect(connect, *, stls=False):
    """Everything a client can ask, in one session; deletes the first message."""
    pop = connect(timeout=10)
    try:
        if stls:
            pop.stls(unverified())
        capa = pop.capa()
        assert {"TOP", "UIDL", "PIPELINING", "SASL", "USER", "RESP-CODES"} <= set(capa)
        pop.user(ADDRESS)
        pop.pass_(PASSWORD)
        count, octets = pop.stat()
        raws = [b"\r\n".join(pop.retr(n)[1]) + b"\r\n" for n in range(1, count + 1)]
        assert octets == sum(map(len, raws))
        assert [int(line.split()[1]) for line in pop.list()[1]] == list(map(len, raws))
        uids = [line.split()[1] for line in pop.uidl()[1]]
        assert pop.top(1, 0)[1][-1] == b""
        with pytest.raises(poplib.error_proto):
            pop.retr(count + 1)
        pop.noop()
        pop.dele(2)
        pop.rset()
        pop.dele(1)
    finally:
        pop.quit()
    return raws, uids


@pytest.mark.parametrize("how", ["plain", "stls", "implicit"])
async def test_a_session(tmp_path, how):
    async with open_house(tmp_path) as house:
        sent = [message(1), message(2, b".\r\n" * 10), message(3, "grüße\r\n".encode())]
        await house.fill(*sent)
        if how == "implicit":
            connect = partial(poplib.POP3_SSL, "127.0.0.1", house.secure.port, context=unverified())
        else:
            connect = partial(poplib.POP3, "127.0.0.1", house.listener.port)
        raws, uids = await asyncio.to_thread(collect, connect, stls=how == "stls")
        assert raws == sent
        again, same = await asyncio.to_thread(collect, connect, stls=how == "stls")
        assert again == sent[1:]
        assert same == uids[1:]
        assert len(await house.uids()) == 1


async def test_in_use(tmp_path):
    def second(port):
        pop = poplib.POP3("127.0.0.1", port, timeout=10)
        try:
            pop.user(ADDRESS)
            with pytest.raises(poplib.error_proto, match=r"\[IN-USE\]"):
                pop.pass_(PASSWORD)
        finally:
            pop.quit()

    async with open_house(tmp_path) as house:
        await house.signed_in()
        await asyncio.to_thread(second, house.listener.port)
