"""What the server says it can do, by state. Only what is whole is said (RFC 9051 §6.1.1)."""

from server.accounts.sasl import MECHANISMS
from server.imap.handler import Context, State

_ALWAYS = b"IMAP4rev1 IMAP4rev2 LITERAL+ ID SASL-IR"

_SIGNED_IN = (
    b"ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE LIST-EXTENDED LIST-STATUS STATUS=SIZE"
    b" MULTIAPPEND CATENATE REPLACE BINARY CONDSTORE QRESYNC ESEARCH SEARCHRES WITHIN SEARCH=FUZZY SORT SORT=DISPLAY ESORT PARTIAL"
    b" THREAD=REFERENCES THREAD=ORDEREDSUBJECT OBJECTID SAVEDATE PREVIEW UTF8=ACCEPT METADATA LIST-METADATA INPROGRESS UIDONLY QUOTA QUOTA=RES-STORAGE"
    b" NOTIFY MULTISEARCH CONTEXT=SEARCH CONTEXT=SORT ACL RIGHTS=kxte LIST-MYRIGHTS"
)


def may_sign_in(ctx: Context) -> bool:
    """RFC 9051 §11.1: passwords go over TLS only; a trial bound to this machine is the exception."""
    return ctx.channel.tls or ctx.services.settings.is_loopback


def capabilities(ctx: Context) -> bytes:
    if ctx.state is not State.NOT_AUTHENTICATED:
        words = [_ALWAYS, _SIGNED_IN]
        if not ctx.channel.compressed:
            words.append(b"COMPRESS=DEFLATE")
        if ctx.services.settings.imap_unauthenticate:
            words.append(b"UNAUTHENTICATE")
        words.append(b"APPENDLIMIT=%d" % ctx.services.settings.message_size_limit)
        return b" ".join(words)
    words = [_ALWAYS]
    if ctx.services.tls is not None and not ctx.channel.tls:
        words.append(b"STARTTLS")
    if may_sign_in(ctx):
        words += [b"AUTH=" + mechanism.encode("ascii") for mechanism in MECHANISMS]
    else:
        words.append(b"LOGINDISABLED")
    return b" ".join(words)
