"""COMPRESS=DEFLATE (RFC 4978).

Only after sign-in: no password or token is ever in a compressed stream, and nobody without an account makes us keep a window.
"""

from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.response import Reply


async def compress(ctx: Context, _command: c.Compress) -> Reply:
    """What comes from here on is unpacked; the session packs what it sends once this answer is out."""
    if ctx.channel.compressed:
        raise ProtocolError("Compression is active already")  # RFC 4978 §3
    if not ctx.channel.inflate():
        # RFC 4978 §3: nothing may be sent before the answer is seen. What came anyway would be read as one thing and meant as another.
        raise ProtocolError("Nothing may follow COMPRESS before its answer")
    return Reply("Compression starts now")
