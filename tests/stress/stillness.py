"""When nobody does anything: all clients, a new one, the ledger and the audit of the store must tell the same."""

import asyncio
import random
import re

from tests.stress import answer
from tests.stress.actor import Actor
from tests.stress.command import Command
from tests.stress.dialogue import Violation
from tests.stress.generator import BOXES, FLAGS
from tests.stress.ledger import Ledger
from tests.stress.servers import Servers
from tests.stress.view import View

PATIENCE = 45.0
"""Seconds for a client in IDLE to hear of everything; it looks by itself every 30."""
SEARCHES = 12


async def compare(servers: Servers, actors: list[Actor], ledger: Ledger, dice: random.Random) -> None:
    """Raises Violation for the first difference."""
    truth = {box: await _fresh(servers, actors[0], ledger, box) for box in BOXES}
    for actor in actors:
        await _same(actor, truth)
    for box, view in truth.items():
        _as_recorded(ledger, box, view)
    _nothing_lost(ledger, truth)
    await _searches(actors, dice)
    found = await asyncio.to_thread(servers.verify)
    if found:
        raise Violation(f"verify finds {found}")


async def _fresh(servers: Servers, like: Actor, ledger: Ledger, box: str) -> View:
    """What a client sees that knows nothing."""
    fresh = Actor("fresh", servers.ports, servers.user, like.dialogue, ledger, random.Random(0))
    try:
        await fresh.connect()
        await fresh.open(box)
        return await _counted(fresh, box)
    finally:
        await fresh.leave()


async def _counted(fresh: Actor, box: str) -> View:
    """Its view; STATUS, SELECT and FETCH must agree."""
    view = fresh.view
    if view is None:
        raise Violation("no mailbox is open")
    got = await fresh.run([Command(b"STATUS %b (MESSAGES UNSEEN DELETED UIDNEXT HIGHESTMODSEQ)" % box.encode())])
    (line,) = (line for line in got.lines if line.startswith(b"* STATUS"))
    told = {name.decode(): int(n) for name, n in re.findall(rb"([A-Z]+) (\d+)", line[line.index(b"(") :])}
    counted = {
        "MESSAGES": len(view.uids),
        "UNSEEN": sum("\\Seen" not in view.flags[uid] for uid in view.known),
        "DELETED": sum("\\Deleted" in view.flags[uid] for uid in view.known),
        "UIDNEXT": view.uidnext,
        "HIGHESTMODSEQ": view.modseq,
    }
    if told != counted:
        raise Violation(f"STATUS of {box} says {told}, SELECT and FETCH say {counted}")
    if max(view.known, default=0) >= view.uidnext:
        raise Violation(f"uid {max(view.known)} of {box} is beyond UIDNEXT {view.uidnext}")
    return view


async def _same(actor: Actor, truth: dict[str, View]) -> None:
    view = actor.view
    if view is None:
        return
    wanted = truth[view.box]
    if actor.idling:
        try:
            async with asyncio.timeout(PATIENCE):
                while _differences(view, wanted):
                    await actor.listen(1.0)
        except TimeoutError:
            raise Violation(f"{actor.who} in IDLE was not told: {_differences(view, wanted)}") from None
        await actor.end_idle()
    else:
        await actor.run([Command(b"NOOP")])
    if differences := _differences(view, wanted):
        raise Violation(f"{actor.who} in {view.box} differs from a new client: {differences}")
    await actor.learn()
    if differences := _differences(view, wanted):
        raise Violation(f"{actor.who} in {view.box} fetched what differs from a new client: {differences}")


def _differences(view: View, wanted: View) -> list[str]:
    found = []
    if len(view.uids) != len(wanted.uids):
        found.append(f"{len(view.uids)} messages for {len(wanted.uids)}")
    else:
        pairs = zip(view.uids, wanted.uids, strict=True)
        found += [f"{a} for {b} at {n}" for n, (a, b) in enumerate(pairs, 1) if a not in {None, b}]
    for uid, flags in view.flags.items():
        if uid in wanted.flags and flags != wanted.flags[uid]:
            found.append(f"uid {uid} has {sorted(flags)} for {sorted(wanted.flags[uid])}")
    return found


def _as_recorded(ledger: Ledger, box: str, view: View) -> None:
    """No update is lost, nothing comes back."""
    for uid in view.known:
        place = (box, uid)
        if place in ledger.gone:
            raise Violation(f"uid {uid} of {box} was told to be gone, and is there")
        for flag in FLAGS:
            may = ledger.may_be(place, flag)
            if may and None not in may and (flag in view.flags[uid]) not in may:
                raise Violation(
                    f"uid {uid} of {box}: {flag} should be {may}: {sorted(view.flags[uid])}, {ledger.history(place, flag)}"
                )
        since = ledger.refused_for.get(place)
        if since is not None and view.modseqs.get(uid, since + 1) <= since:
            raise Violation(f"uid {uid} of {box} was MODIFIED since {since}, and has {view.modseqs[uid]}")


def _nothing_lost(ledger: Ledger, truth: dict[str, View]) -> None:
    there = {(box, uid) for box, view in truth.items() for uid in view.known}
    for place, token in ledger.acknowledged.items():
        if place not in there and place not in ledger.doomed:
            raise Violation(f"{token} was put at {place} and is lost")
    tokens = {ledger.content[place] for place in there}
    if lost := ledger.accepted - tokens - ledger.doomed_tokens:
        raise Violation(f"accepted and lost: {sorted(lost)}")
    if strange := tokens - ledger.attempted:
        raise Violation(f"nobody sent {sorted(strange)}")


async def _searches(actors: list[Actor], dice: random.Random) -> None:
    """Each search must find what the client's view says it finds."""
    for actor in actors:
        view = actor.view
        if view is None or not view.uids:
            continue
        for _ in range(SEARCHES // len(actors) + 1):
            await _search(actor, view, dice)


async def _search(actor: Actor, view: View, dice: random.Random) -> None:
    text, wanted = _key(view, dice, 3)
    by_uid = dice.random() < 0.5
    got = await actor.run([Command(b"%bSEARCH %b" % (b"UID " if by_uid else b"", text), by_number=not by_uid)])
    found, _ = answer.found_numbers(got.lines)
    expected = [uid if by_uid else number for number, uid in enumerate(view.known, 1) if uid in wanted]
    if found != expected:
        raise Violation(f"{actor.who}: {text.decode()} found {found}, expected {expected}")


def _key(view: View, dice: random.Random, depth: int) -> tuple[bytes, set[int]]:
    everything = set(view.known)
    if depth and dice.random() < 0.6:
        text, found = _key(view, dice, depth - 1)
        kind = dice.choice(("NOT", "OR", "AND"))
        if kind == "NOT":
            return b"NOT " + text, everything - found
        other, also = _key(view, dice, depth - 1)
        if kind == "OR":
            return b"OR %b %b" % (text, other), found | also
        return b"(%b %b)" % (text, other), found & also
    kind = dice.randrange(4)
    if kind == 0:
        low, high = sorted(dice.choices(view.known, k=2))
        return b"UID %d:%d" % (low, high), {uid for uid in everything if low <= uid <= high}
    if kind == 1:
        number = dice.randint(1, len(view.uids))
        return b"%d:*" % number, set(view.known[number - 1 :])
    flag = dice.choice(FLAGS)
    has = {uid for uid in everything if flag in view.flags[uid]}
    name = flag.removeprefix("\\").encode()
    if kind == 2:
        return (
            name if flag.startswith("\\") else b"KEYWORD " + name
        ).upper() if name != b"$Forwarded" else b"KEYWORD $Forwarded", has
    return (b"UN" if flag.startswith("\\") else b"UNKEYWORD ") + name, everything - has
