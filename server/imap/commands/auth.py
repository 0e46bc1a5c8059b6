"""Signing in: STARTTLS, LOGIN, AUTHENTICATE, ENABLE (RFC 9051 §6.2, RFC 4959, RFC 7628, RFC 5161).

Invariants: no password is asked for or looked at in clear unless only this machine can connect; which half of a wrong
name-and-password pair was wrong is never told; a password that is a token is checked as one.
"""

from server.accounts.account import Account
from server.accounts.errors import AuthenticationFailed, Throttled
from server.imap.capability import capabilities, may_sign_in
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context, Event, State
from server.imap.session_limits import limits_after_login
from server.imap.syntax import command as c
from server.imap.syntax import sasl
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.response import Reply, continuation, status, untagged

_ENABLED = {"CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4REV2"}
_WRITTEN = {"IMAP4REV2": b"IMAP4rev2"}


async def start_tls(ctx: Context, _command: c.StartTls) -> Reply:
    """The session does the handshake once this answer is out."""
    if ctx.channel.tls:
        raise ProtocolError("TLS is on already")
    if ctx.services.tls is None:
        raise Refusal(Reason.NO_TLS)
    return Reply("Begin TLS now")


async def login(ctx: Context, command: c.Login) -> Reply:
    _require_privacy(ctx)
    username, password = sasl.text(command.username), sasl.text(command.password)
    await _sign_in(ctx, sasl.Password(username, password))
    return Reply("Signed in", b"CAPABILITY " + capabilities(ctx))


async def authenticate(ctx: Context, command: c.Authenticate) -> Reply:
    _require_privacy(ctx)
    if command.mechanism not in sasl.MECHANISMS:
        raise Refusal(Reason.NO_MECHANISM)
    first = None if command.initial is None else sasl.decode_base64(command.initial)
    if command.mechanism == "LOGIN":
        username = first if first is not None else await _ask(ctx, sasl.LOGIN_USERNAME)
        password = await _ask(ctx, sasl.LOGIN_PASSWORD)
        await _sign_in(ctx, sasl.Password(sasl.text(username), sasl.text(password)))
    else:
        message = first if first is not None else await _ask(ctx, b"")
        await _by_message(ctx, command.mechanism, message)
    return Reply("Signed in", b"CAPABILITY " + capabilities(ctx))


async def _by_message(ctx: Context, mechanism: str, message: bytes) -> None:
    if mechanism == "PLAIN":
        await _sign_in(ctx, sasl.plain(message))
        return
    said = sasl.oauthbearer(message) if mechanism == "OAUTHBEARER" else sasl.xoauth2(message)
    try:
        await _sign_in(ctx, said)
    except Refusal:
        # RFC 7628 §3.2.3: the reason goes out as a challenge, the client answers it, then comes the NO.
        await _ask(ctx, sasl.TOKEN_FAILURE)
        raise


async def _ask(ctx: Context, challenge: bytes) -> bytes:
    """Send a challenge and wait for the answer, which is a line without a tag."""
    ctx.send(continuation(challenge))
    await ctx.drain(least=0)
    answer = await ctx.channel.next(ctx.services.settings.limits.login_timeout)
    if isinstance(answer, Event):
        raise ConnectionResetError
    if not isinstance(answer, RawCommand) or answer.literals:
        raise ProtocolError("The response is malformed")
    line = answer.lines[0]
    if line == b"*":
        raise ProtocolError("Cancelled")  # RFC 9051 §6.2.2
    return sasl.decode_base64(line)


def _require_privacy(ctx: Context) -> None:
    if not may_sign_in(ctx):
        raise Refusal(Reason.PRIVACY_REQUIRED)


async def _sign_in(ctx: Context, said: sasl.Password | sasl.Token) -> None:
    """Check, then enter the account. Raises Refusal, the same for every wrong pair."""
    check = ctx.services.authenticator
    peer = ctx.channel.peer
    try:
        if isinstance(said, sasl.Token):
            account = await check.token(said.username, said.token, service="imap", peer=peer)
        else:
            if said.acting_as not in {"", said.username}:
                raise Refusal(Reason.AUTHORIZATION_FAILED)
            account = await check.password(said.username, said.password, service="imap", peer=peer)
    except AuthenticationFailed:
        ctx.sign_in_failures += 1
        raise Refusal(Reason.AUTHENTICATION_FAILED) from None
    except Throttled:
        ctx.sign_in_failures += 1
        raise Refusal(Reason.THROTTLED) from None
    _enter(ctx, account)


def _enter(ctx: Context, account: Account) -> None:
    ctx.account = account
    ctx.state = State.AUTHENTICATED
    settings = ctx.services.settings
    ctx.channel.limits = limits_after_login(settings.limits, settings.message_size_limit)
    ctx.subscription = ctx.services.bus.subscribe(account.id, ctx.wake)
    ctx.log = ctx.log.bind(account=account.id)
    ctx.log.info("signed_in", tls=ctx.channel.tls)


async def enable(ctx: Context, command: c.Enable) -> Reply:
    """RFC 5161 §3.1: unknown names are passed over; only what this command has turned on is listed."""
    wanted = [name for name in command.capabilities if name in _ENABLED]
    if ctx.state is State.SELECTED and {"UTF8=ACCEPT", "IMAP4REV2"} & set(wanted):
        raise ProtocolError("ENABLE comes before SELECT")  # RFC 6855 §3
    for name in wanted:
        ctx.condstore |= name in {"CONDSTORE", "QRESYNC"}
        ctx.qresync |= name == "QRESYNC"
        ctx.utf8 |= name in {"UTF8=ACCEPT", "IMAP4REV2"}
        ctx.rev2 |= name == "IMAP4REV2"
    if ctx.selected is not None and ctx.condstore and {"CONDSTORE", "QRESYNC"} & set(wanted):
        # RFC 7162 §3.1.2: whoever turns it on with a mailbox open is told where it stands.
        ctx.send(status(b"*", b"OK", "Highest", b"HIGHESTMODSEQ %d" % ctx.selected.modseq))
    words = [_WRITTEN.get(name, name.encode("ascii")) for name in dict.fromkeys(wanted)]
    return Reply("Done", untagged=(untagged(b"ENABLED", *words),))
