"""INPROGRESS (RFC 9585): whoever waits long for an answer hears that it is being worked on, and does not take the line for dead.

How far the work has come is not known: the store answers a search or a copy in one piece. RFC 9585 §4 has a form for that.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from server.imap.handler import Context
from server.imap.syntax.response import status, string

T = TypeVar("T")

INTERVAL = 10.0
"""Seconds between two of them, and before the first: RFC 9585 §4 asks for no more than that."""


async def patiently(ctx: Context, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work of the store. Nothing else may be under way on the connection: this sends, and waits for the client to take it."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait((task,), timeout=INTERVAL))[0]:
            ctx.send(status(b"*", b"OK", "Still working", b"INPROGRESS (" + string(ctx.tag) + b" NIL NIL)"))
            await ctx.drain(least=0)
    except (ConnectionError, TimeoutError):
        # The client has gone, the thread works on: its account's turn is over when that is, or hanging up would buy more threads.
        await asyncio.wait((task,))
        task.exception()
        raise
    finally:
        task.cancel()  # nothing, where it has ended
    return task.result()
