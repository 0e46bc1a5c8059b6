"""IDLE (RFC 9051 §6.3.13): changes are sent as they happen.

A wake of the bus makes the session look; because a wake can be lost it also looks every `LOOK` seconds, where the account's files were
written since: a phone that waits all night keeps no database open. It says something every `STILL_HERE` seconds, so that a dead
connection is noticed on both sides.
"""

from server.imap.commands.listening import Prints, footprint, is_quiet, tell
from server.imap.handler import Context, Event, SignedOut, State
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.response import Reply, continuation, status

LOOK = 30.0
STILL_HERE = 120.0


async def idle(ctx: Context, _command: c.Idle) -> Reply:
    ctx.recent.clear()
    ctx.send(continuation(b"Idling"))
    await tell(ctx, expunge=True, look=True, others=True)
    waited = quiet = 0.0
    seen: Prints = ()
    while True:
        event = await ctx.channel.next(LOOK, wakeable=True)
        if isinstance(event, Event):
            if event is Event.SIGNED_OUT:
                raise SignedOut
            if event in {Event.CLOSED, Event.FINISHING}:
                return _end(ctx, event)
            if event is Event.TIMEOUT:
                waited += LOOK
                quiet += LOOK
            if waited >= ctx.services.settings.limits.imap_idle_timeout:
                ctx.state = State.LOGOUT
                return Reply("Done", untagged=(status(b"*", b"BYE", "Idle for too long"),))
            if quiet >= STILL_HERE:
                quiet = 0.0
                ctx.send(status(b"*", b"OK", "Still here"))
            look = False
            if event is Event.TIMEOUT:
                earlier, seen = seen, await footprint(ctx)
                look = not is_quiet(earlier, seen)
            await tell(ctx, expunge=True, look=look, others=look or event is Event.WOKEN)
            continue
        if isinstance(event, RawCommand) and not event.literals and event.lines[0].upper() == b"DONE":
            return Reply("Done")
        raise ProtocolError("DONE was expected")


def _end(ctx: Context, event: Event) -> Reply:
    if event is Event.CLOSED:
        raise ConnectionResetError
    ctx.state = State.LOGOUT
    return Reply("Done", untagged=(status(b"*", b"BYE", "The server is stopping", b"UNAVAILABLE"),))
