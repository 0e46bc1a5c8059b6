"""UNAUTHENTICATE (RFC 8437): one connection for one person after the other.

Nothing of the one who leaves reaches the next: `Context.forget` begins anew with all that is not the connection's own. How often
sign-in has failed is the connection's own, so that leaving buys no further tries.
"""

from server.imap.capability import capabilities
from server.imap.handler import Context
from server.imap.session_limits import limits_before_login
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.response import Reply, status


async def unauthenticate(ctx: Context, _command: c.Unauthenticate) -> Reply:
    """TLS stays. The session ends the compression of what it sends once this answer is out."""
    settings = ctx.services.settings
    if not settings.imap_unauthenticate:
        raise ProtocolError("This is turned off here")  # RFC 8437 §8
    if not ctx.channel.end_inflation():
        # RFC 8437 §3: NO is not for this command. Where in the stream compression ended cannot be known once it was unpacked beyond.
        ctx.send(status(b"*", b"BYE", "Nothing may follow before the answer while compression is active"))
        await ctx.drain(least=0)
        raise ConnectionResetError
    ctx.log.info("unauthenticated")
    ctx.forget()
    ctx.channel.limits = limits_before_login(settings.limits)
    return Reply("Signed out", b"CAPABILITY " + capabilities(ctx))
