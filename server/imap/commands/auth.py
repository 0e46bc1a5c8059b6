"""Signing in: STARTTLS, LOGIN, AUTHENTICATE, ENABLE (RFC 9051 §6.2, RFC 4959, RFC 7628, RFC 5161).

Invariants: no password is asked for or looked at in clear unless only this machine can connect; which half of a wrong
name-and-password pair was wrong is never told; a password that is a token is checked as one.
"""

from server.accounts import sasl, scram
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.sasl_refusal import Fault, SaslRefused
from server.accounts.signed_in import SignedIn
from server.imap.capability import capabilities, may_sign_in
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context, Event, State
from server.imap.recent import RecentMessages
from server.imap.session_limits import limits_after_login
from server.imap.syntax import command as c
from server.imap.syntax.error import Cancelled, ProtocolError
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.response import Reply, continuation, untagged

_ENABLED = {"CONDSTORE", "QRESYNC", "UTF8=ACCEPT", "IMAP4REV2", "UIDONLY"}
_WRITTEN = {"IMAP4REV2": b"IMAP4rev2"}
_REASONS = {
    Fault.MECHANISM: Reason.NO_MECHANISM,
    Fault.UNAVAILABLE: Reason.NO_SIGN_IN,
    Fault.ACTING: Reason.AUTHORIZATION_FAILED,
    Fault.BINDING: Reason.NOT_SUPPORTED,
    Fault.EXTENSION: Reason.NOT_SUPPORTED,
}


async def start_tls(ctx: Context, _command: c.StartTls) -> Reply:
    """The session does the handshake once this answer is out."""
    if ctx.channel.tls:
        raise ProtocolError("TLS is on already")
    if ctx.services.tls is None:
        raise Refusal(Reason.NO_TLS)
    return Reply("Begin TLS now")


async def login(ctx: Context, command: c.Login) -> Reply:
    _require_privacy(ctx)
    try:
        claim = sasl.Claim(sasl.text(command.username), sasl.text(command.password))
    except SaslRefused as error:
        raise _meaning(error) from None
    _enter(ctx, await _check(ctx, claim))
    return Reply("Signed in", b"CAPABILITY " + capabilities(ctx))


async def authenticate(ctx: Context, command: c.Authenticate) -> Reply:
    _require_privacy(ctx)
    try:
        exchange = await ctx.services.authenticator.exchange(command.mechanism)
        step = exchange.start(command.initial)
        while isinstance(step, sasl.Challenge):
            step = exchange.answer(await _ask(ctx, step))
    except SaslRefused as error:
        raise _meaning(error) from None
    try:
        who = await _check(ctx, step)
    except Refusal:
        reason = exchange.failure()
        if reason is not None:
            await _ask(ctx, reason)
        raise
    await _prove(ctx, exchange, who)
    _enter(ctx, who)
    return Reply("Signed in", b"CAPABILITY " + capabilities(ctx))


async def _prove(ctx: Context, exchange: sasl.Exchange, who: SignedIn) -> None:
    """RFC 5802 §3: the client that proved itself is told by what the server does; RFC 9051 §6.2.2: as one more challenge."""
    proof = exchange.success(who.signature)
    if proof is not None:
        try:
            exchange.agreed(await _ask(ctx, proof))
        except SaslRefused as error:
            raise _meaning(error) from None


def _meaning(error: SaslRefused) -> Exception:
    """What a refused exchange is in IMAP: BAD for what cannot be read, NO for what is not done (RFC 9051 §6.2.2)."""
    reason = _REASONS.get(error.fault)
    if reason is not None:
        return Refusal(reason)
    if error.fault is Fault.CANCELLED:
        return Cancelled("Cancelled")
    return ProtocolError(error.fault.value.capitalize())


async def _ask(ctx: Context, challenge: sasl.Challenge) -> bytes:
    """Send a challenge and wait for the answer, which is a line without a tag."""
    ctx.send(continuation(challenge.line))
    await ctx.drain(least=0)
    answer = await ctx.channel.next(ctx.services.settings.limits.login_timeout)
    if isinstance(answer, Event):
        raise ConnectionResetError
    if not isinstance(answer, RawCommand) or answer.literals:
        raise ProtocolError("The response is malformed")
    return answer.lines[0]


def _require_privacy(ctx: Context) -> None:
    if not may_sign_in(ctx):
        raise Refusal(Reason.PRIVACY_REQUIRED)


async def _check(ctx: Context, claim: sasl.Claim | scram.Answer) -> SignedIn:
    """Find out who it is. Raises Refusal, the same for every wrong pair."""
    try:
        return await ctx.services.authenticator.claim(claim, service="imap", peer=ctx.channel.peer)
    except AuthenticationFailed:
        ctx.sign_in_failures += 1
        raise Refusal(Reason.AUTHENTICATION_FAILED) from None
    except Throttled:
        ctx.sign_in_failures += 1
        raise Refusal(Reason.THROTTLED) from None


def _enter(ctx: Context, who: SignedIn) -> None:
    account = ctx.account = who.account
    ctx.state = State.AUTHENTICATED
    settings = ctx.services.settings
    ctx.recent = RecentMessages(ctx.services.kept, account.id)
    ctx.channel.limits = limits_after_login(settings.limits, settings.message_size_limit)
    ctx.subscriptions.append(ctx.services.bus.subscribe(account.id, ctx.wake))
    ctx.subscriptions.append(ctx.services.authenticator.watch(who.proof, ctx.sign_out))
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
        ctx.uid_only |= name == "UIDONLY"
    if ctx.selected is not None:
        ctx.selected.by_uid = ctx.uid_only
    words = [_WRITTEN.get(name, name.encode("ascii")) for name in dict.fromkeys(wanted)]
    return Reply("Done", untagged=(untagged(b"ENABLED", *words),))
