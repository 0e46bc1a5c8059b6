"""Commands of every state: CAPABILITY, NOOP, LOGOUT, ID (RFC 9051 §6.1, RFC 2971)."""

from server.imap.capability import capabilities
from server.imap.handler import Context, State
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, parenthesised, status, string, untagged

_OUR_ID = parenthesised([string(b"name"), string(b"Posthouse")])
_LOGGED = 5


async def capability(ctx: Context, _command: c.Capability) -> Reply:
    return Reply("Done", untagged=(untagged(b"CAPABILITY", capabilities(ctx)),))


async def noop(_ctx: Context, _command: c.Noop) -> Reply:
    """The news that the client asks for is added by the session."""
    return Reply("Done")


async def logout(ctx: Context, _command: c.Logout) -> Reply:
    ctx.unselect()
    ctx.state = State.LOGOUT
    return Reply("Done", untagged=(status(b"*", b"BYE", "Goodbye"),))


async def identify(ctx: Context, command: c.Id) -> Reply:
    """RFC 2971 §3: nothing may depend on what is said here."""
    said = {name.decode("utf-8", "replace"): value for name, value in command.parameters[:_LOGGED]}
    ctx.log.debug("client_id", says=str(said))
    return Reply("Done", untagged=(untagged(b"ID", _OUR_ID),))
