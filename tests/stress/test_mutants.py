"""Servers that are broken on purpose: the random clients must find each of them out."""

from dataclasses import replace

from server.imap import session
from server.imap.commands import copy as copy_command
from server.imap.selected import Selected
from server.store import changes, copy, expunge, flags
from tests.stress import stillness
from tests.stress.dialogue import Violation
from tests.stress.run import Run
from tests.stress.servers import OneProcess

SEEDS = range(1, 6)


async def found_out(tmp_path):
    """What is said of the server, by one of some seeds."""
    for seed in SEEDS:
        async with OneProcess(tmp_path / str(seed)) as servers:
            try:
                await Run(servers, seed=seed, clients=5).go(rounds=2, steps=25)
            except Violation as violation:
                return str(violation).partition("\n")[0]
    return "nothing"


async def test_an_expunge_while_numbers_are_used(tmp_path, monkeypatch):
    news = session.news
    monkeypatch.setattr(session, "news", lambda ctx, **how: news(ctx, **{**how, "expunge": True}))
    assert "while a command uses numbers" in await found_out(tmp_path)


async def test_a_change_of_flags_that_is_not_told(tmp_path, monkeypatch):
    monkeypatch.setattr(stillness, "PATIENCE", 5.0)
    apply = Selected._apply
    monkeypatch.setattr(Selected, "_apply", lambda view, delta: apply(view, replace(delta, changed=[])))
    assert "differs from a new client" in (said := await found_out(tmp_path)) or "was not told" in said


async def test_an_expunge_that_is_not_told(tmp_path, monkeypatch):
    apply = Selected._apply
    monkeypatch.setattr(Selected, "_apply", lambda view, delta: apply(view, replace(delta, vanished=[])))
    said = await found_out(tmp_path)
    assert "still numbered" in said or "differs" in said or "was not told" in said


async def test_a_uid_that_is_used_again(tmp_path, monkeypatch):
    remove = expunge.remove

    def forgetful(w, mailbox_id, uids):
        gone = remove(w, mailbox_id, uids)
        w.raw(
            "UPDATE mailbox SET uidnext = coalesce((SELECT max(uid) FROM placement WHERE mailbox_id = mailbox.id), 0) + 1"
            f" WHERE id = {int(mailbox_id)}"
        )
        return gone

    monkeypatch.setattr(expunge, "remove", forgetful)
    monkeypatch.setattr(copy, "remove", forgetful)
    assert await found_out(tmp_path) != "nothing"


async def test_a_keyword_that_is_acknowledged_and_not_set(tmp_path, monkeypatch):
    apply = flags._apply

    def careless(op, old, bits, words, *more):
        return apply(op, old, bits, words - {"red"} if op == "add" else words, *more)

    monkeypatch.setattr(flags, "_apply", careless)
    assert "red should be {True}" in await found_out(tmp_path)


async def test_a_change_without_a_new_modseq(tmp_path, monkeypatch):
    next_modseq = changes.next_modseq

    def lazy(w):
        modseq = next_modseq(w)
        return modseq - modseq % 2

    monkeypatch.setattr(changes, "next_modseq", lazy)
    assert await found_out(tmp_path) != "nothing"


async def test_an_expunge_of_more_than_was_marked(tmp_path, monkeypatch):
    marked = expunge.marked

    def greedy(r, mailbox_id):
        found = marked(r, mailbox_id)
        return [*found, found[-1] + 1] if found else found

    monkeypatch.setattr(expunge, "marked", greedy)
    said = await found_out(tmp_path)
    assert "nobody deleted or moved it" in said or "is lost" in said or "accepted and lost" in said


async def test_copyuid_in_the_wrong_order(tmp_path, monkeypatch):
    acted = copy.copy

    def crossed(*arguments, **options):
        done = acted(*arguments, **options)
        sources, targets = [s for s, _ in done.pairs], [t for _, t in done.pairs]
        return replace(done, pairs=list(zip(sources, reversed(targets), strict=True)))

    monkeypatch.setattr(copy_command.store, "copy", crossed)
    assert " is " in await found_out(tmp_path)


async def test_a_whole_server(tmp_path):
    assert await found_out(tmp_path) == "nothing"
