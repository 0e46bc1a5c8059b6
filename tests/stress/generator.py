"""What a client does next: random commands on the messages of its view, with what each means for view and ledger."""

import random
from collections.abc import Callable, Iterable

from tests.stress import answer
from tests.stress.command import Answer, Command
from tests.stress.dialogue import Violation
from tests.stress.ledger import Ledger, Operation
from tests.stress.view import View

BOXES = ("INBOX", "Work", "Archive")
SIDE = ("Side", "Side/a", "Side/b", "Other")
KEYWORDS = ("$Forwarded", "red", "blue", "green")
SYSTEM = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted")
FLAGS = (*SYSTEM, *KEYWORDS)
FETCHED = b"UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TOKEN)]"
MANY = 25
"""Messages in a mailbox, from which on more are deleted than come."""


def letter(token: str, words: str = "words") -> bytes:
    head = f"From: Bob <bob@far.test>\r\nTo: ann@here.test\r\nSubject: {words} {token[-1]}\r\nX-Token: {token}\r\n"
    return (head + f"Message-ID: <{token}@far.test>\r\n\r\n{words} of {token}\r\n").encode()


class Generator:
    """Draws commands for one client. `condstore` and `qresync` are what it has enabled."""

    def __init__(self, who: str, ledger: Ledger, dice: random.Random) -> None:
        self.who, self.ledger, self.dice = who, ledger, dice
        self.condstore = self.qresync = False
        self._tokens = 0

    def token(self) -> str:
        self._tokens += 1
        token = f"{self.who}-{self._tokens}"
        self.ledger.attempted.add(token)
        return token

    def draw(self, view: View) -> Command:
        """One command for a client that has a mailbox open."""
        choices: list[tuple[int, Callable[[View], Command]]] = [
            (10, self.append),
            (22, self.store),
            (14, self.fetch),
            (6, self.search),
            (2, self.sort),
            (2, self.thread),
            (6 if len(view.uids) < MANY else 12, self.expunge),
            (4, self.copy),
            (4 if len(view.uids) < MANY else 8, self.move),
            (5, self.noop),
            (2, self.status),
            (4, self.side),
            (4, self.replace),
        ]
        weights, makers = zip(*choices, strict=True)
        return self.dice.choices(makers, weights)[0](view)

    # -- choosing

    def _some(self, uids: Iterable[int]) -> list[int]:
        pool = list(uids)
        if not pool:
            return []
        if self.dice.random() < 0.3:
            low = self.dice.randrange(len(pool))
            return pool[low : low + self.dice.randint(1, 12)]
        return self.dice.sample(pool, min(len(pool), self.dice.choice((1, 1, 1, 2, 4))))

    def _flags(self) -> frozenset[str]:
        return frozenset(self.dice.sample(FLAGS, self.dice.choice((1, 1, 1, 2))))

    def _named(self, view: View, uids: list[int], *, by_uid: bool) -> bytes:
        if by_uid:
            return answer.sequence(uids)
        return answer.sequence(view.number(uid) for uid in uids)

    def _messages(self, view: View, uids: Iterable[int]) -> tuple[list[int], bool, bytes] | None:
        """Some messages, whether by uid, and their sequence-set; `$` now and then."""
        pool = set(uids)
        by_uid = self.dice.random() < 0.5
        if view.saved and view.saved <= pool and self.dice.random() < 0.3:
            return sorted(view.saved), by_uid, b"$"
        some = self._some(sorted(pool))
        if not some:
            return None
        return some, by_uid, self._named(view, some, by_uid=by_uid)

    def _deletable(self, view: View) -> list[int]:
        """Only what is known can be missed, so nothing else is deleted."""
        return [uid for uid in view.known if (view.box, uid) in self.ledger.content]

    # -- commands

    def noop(self, _view: View) -> Command:
        return Command(self.dice.choice((b"NOOP", b"CHECK")))

    def append(self, view: View, box: str | None = None) -> Command:
        target = box or self.dice.choice((view.box, *BOXES))
        parts, tokens, flags = [], [], []
        for _ in range(self.dice.choice((1, 1, 1, 2, 3))):
            names = frozenset(self.dice.sample(FLAGS, self.dice.choice((0, 0, 1, 2))))
            tokens.append(self.token())
            flags.append(names)
            if "\\Deleted" in names:
                self.ledger.born_deleted.add(tokens[-1])
            raw = letter(tokens[-1], self.dice.choice(("tea", "coffee", "water")))
            said = b" (%b)" % " ".join(sorted(names)).encode() if names else b""
            parts.append(said + b" {%d+}\r\n" % len(raw) + raw)
        tracked = target in BOXES

        def finish(got: Answer) -> None:
            if got.ok and tracked:
                self._placed(target, tokens, flags, got)

        return Command(b"APPEND %b" % target.encode() + b"".join(parts), finish=finish, may_fail=not tracked)

    def _placed(self, target: str, tokens: list[str], flags: list[frozenset[str]], got: Answer) -> None:
        (argument,) = self._codes(got, b"APPENDUID")
        uids = answer.numbers(argument.split()[1])
        if len(uids) != len(tokens):
            raise Violation(f"{self.who}: APPENDUID names {len(uids)} of {len(tokens)} messages")
        for uid, token, names in zip(uids, tokens, flags, strict=True):
            self.ledger.place(target, uid, token)
            for flag in FLAGS:
                self.ledger.operate((target, uid), flag, Operation(got.start, got.end, flag in names, certain=True))

    def _codes(self, got: Answer, name: bytes) -> list[bytes]:
        """The arguments of a response code, in the tagged response and in those before it."""
        codes = [answer.code(line[2:]) for line in (*got.lines, b"* " + got.status) if line.startswith(b"* OK [")]
        return [argument for code, argument in codes if code == name]

    def replace(self, view: View) -> Command:
        """RFC 8508: a new message, and the old one is gone, or neither."""
        pool = self._deletable(view)
        if not pool or view.read_only:
            return self.append(view)
        uid, target, token = self.dice.choice(pool), self.dice.choice((view.box, *BOXES)), self.token()
        self.ledger.doom(view.box, uid)
        raw = letter(token, "milk")

        def finish(got: Answer) -> None:
            if got.ok:
                self._placed(target, [token], [frozenset({"\\Draft"})], got)
                if uid in view.uids:
                    raise Violation(f"{self.who}: {uid} was replaced and is still numbered")

        by_uid = self.dice.random() < 0.5
        text = b"UID REPLACE %d" % uid if by_uid else b"REPLACE %d" % view.number(uid)
        text += b" %b (\\Draft) {%d+}\r\n" % (target.encode(), len(raw)) + raw
        # NO: another client has expunged it.
        return Command(text, numbered=not by_uid, finish=finish, may_fail=True, alone=True)

    def store(self, view: View) -> Command:
        names = self._flags()
        mode = self.dice.choice(("+", "+", "-", ""))
        chosen = self._messages(view, self._deletable(view) if "\\Deleted" in names else view.known)
        if chosen is None or view.read_only:
            return self.fetch(view)
        uids, by_uid, sequence = chosen
        silent = self.dice.random() < 0.5
        since = None
        if self.condstore and self.dice.random() < 0.4:
            since = self.dice.choice([max(view.modseqs.get(uid, 1) for uid in uids), view.modseq or 1])
        if "\\Deleted" in names and mode != "-":
            for uid in uids:
                self.ledger.doom(view.box, uid)
        text = b"%bSTORE %b %b%bFLAGS%b (%b)" % (
            b"UID " if by_uid else b"",
            sequence,
            b"" if since is None else b"(UNCHANGEDSINCE %d) " % since,
            mode.encode(),
            b".SILENT" if silent else b"",
            " ".join(sorted(names)).encode(),
        )
        numbers = {view.number(uid): uid for uid in uids}

        def begin() -> None:
            if silent and since is None:
                view.silently(uids, mode, names)
            elif silent:
                view.assumed = (frozenset(uids), mode, names)

        def finish(got: Answer) -> None:
            view.assumed = None
            code, argument = answer.code(got.status)
            refused: set[int] = set()
            if code == b"MODIFIED":
                named = answer.numbers(argument)
                refused = set(named) if by_uid else {numbers[number] for number in named}
                if not refused <= set(uids) or since is None:
                    raise Violation(f"{self.who}: MODIFIED {argument.decode()} of {uids}")
                for uid in refused:
                    self.ledger.refused_for[view.box, uid] = max(self.ledger.refused_for.get((view.box, uid), 0), since)
            if got.whole and not got.ok:
                return
            self._operated(view.box, [uid for uid in uids if uid not in refused], mode, names, got)

        return Command(text, by_number=not by_uid, begin=begin, finish=finish)

    def _operated(self, box: str, uids: list[int], mode: str, names: frozenset[str], got: Answer) -> None:
        touched = names if mode else FLAGS
        for uid in uids:
            for flag in touched:
                value = mode != "-" and flag in names
                self.ledger.operate((box, uid), flag, Operation(got.start, got.end, value, certain=got.whole))

    def fetch(self, view: View) -> Command:
        kind = self.dice.random()
        if not view.uids:
            return self.noop(view)
        if kind < 0.35 or not view.known:
            return self._fetch_numbers(view)
        chosen = self._messages(view, view.known)
        if chosen is None:
            return self.noop(view)
        uids, by_uid, sequence = chosen
        if kind < 0.45 and not view.read_only:
            return self._fetch_body(view, uids, by_uid=by_uid, sequence=sequence)
        items = FETCHED + (b" MODSEQ" if self.condstore else b"")
        modifier = b""
        if self.condstore and self.dice.random() < 0.3:
            modifier = b" (CHANGEDSINCE %d%b)" % (
                max(1, view.modseq - self.dice.randint(0, 30)),
                b" VANISHED" if by_uid and self.qresync else b"",
            )
        text = b"%bFETCH %b (%b)%b" % (b"UID " if by_uid else b"", sequence, items, modifier)
        return Command(text, by_number=not by_uid)

    def _fetch_numbers(self, view: View) -> Command:
        low = self.dice.randint(1, len(view.uids))
        high = self.dice.choice((b"*", b"%d" % self.dice.randint(low, len(view.uids))))
        return Command(b"FETCH %d:%b (%b)" % (low, high, FETCHED), by_number=True)

    def _fetch_body(self, view: View, uids: list[int], *, by_uid: bool, sequence: bytes) -> Command:
        def finish(got: Answer) -> None:
            self._operated(view.box, uids, "+", frozenset({"\\Seen"}), got)

        text = b"%bFETCH %b (UID BODY[])" % (b"UID " if by_uid else b"", sequence)
        return Command(text, by_number=not by_uid, finish=finish)

    def search(self, view: View) -> Command:
        by_uid = self.dice.random() < 0.5
        keys = self.dice.choice(
            (b"ALL", b"UNSEEN", b"DELETED", b"KEYWORD red", b"NOT FLAGGED", b"OR ANSWERED KEYWORD blue", b"SUBJECT tea")
        )
        returned = self.dice.choice((b"", b"", b" RETURN (ALL SAVE)", b" RETURN (COUNT MIN MAX ALL)"))

        def finish(got: Answer) -> None:
            if not got.ok:
                return
            found, items = answer.found_numbers(got.lines)
            self._in_view(view, found, by_uid=by_uid)
            if b"COUNT" in items and int(items[b"COUNT"]) != len(found):
                raise Violation(f"{self.who}: COUNT {items[b'COUNT'].decode()} of {found}")
            if b"SAVE" in returned:
                uids = found if by_uid else [view.uids[number - 1] for number in found]
                view.saved = None if None in uids else frozenset(uid for uid in uids if uid is not None)

        text = b"%bSEARCH%b %b" % (b"UID " if by_uid else b"", returned, keys)
        return Command(text, by_number=not by_uid, finish=finish, alone=b"SAVE" in returned)

    def sort(self, view: View) -> Command:
        return self._listed(view, b"SORT (%b) UTF-8 ALL" % self.dice.choice((b"ARRIVAL", b"REVERSE DATE", b"SUBJECT")))

    def thread(self, view: View) -> Command:
        return self._listed(view, b"THREAD %b UTF-8 ALL" % self.dice.choice((b"REFERENCES", b"ORDEREDSUBJECT")))

    def _listed(self, view: View, text: bytes) -> Command:
        by_uid = self.dice.random() < 0.5

        def finish(got: Answer) -> None:
            threads = answer.thread_numbers(got.lines)
            self._in_view(view, threads or answer.found_numbers(got.lines)[0], by_uid=by_uid)

        return Command((b"UID " if by_uid else b"") + text, by_number=not by_uid, finish=finish)

    def _in_view(self, view: View, found: list[int], *, by_uid: bool) -> None:
        if len(set(found)) != len(found):
            raise Violation(f"{self.who}: a message is found twice: {found}")
        if not by_uid and found and not 1 <= min(found) <= max(found) <= len(view.uids):
            raise Violation(f"{self.who}: found {found} among {len(view.uids)}")

    def expunge(self, view: View) -> Command:
        if view.read_only:
            return self.noop(view)
        marked = [uid for uid in view.known if "\\Deleted" in view.flags.get(uid, ())]
        if marked and self.dice.random() < 0.5:
            return Command(b"UID EXPUNGE " + answer.sequence(self._some(marked)))
        return Command(b"EXPUNGE")

    def copy(self, view: View, *, move: bool = False) -> Command:
        target = self.dice.choice((*BOXES, *((SIDE[0],) if not move else ())))
        chosen = self._messages(view, self._deletable(view) if move else view.known)
        if chosen is None or (move and view.read_only):
            return self.noop(view)
        uids, by_uid, sequence = chosen
        if move:
            for uid in uids:
                self.ledger.doom(view.box, uid)

        def finish(got: Answer) -> None:
            if not got.ok:
                return
            told = self._codes(got, b"COPYUID")
            self._copied(view.box, uids, target, told)
            if move and told and (left := [uid for uid in uids if uid in view.uids]):
                raise Violation(f"{self.who}: {left} were moved and are still numbered")

        text = b"%b%b %b %b" % (
            b"UID " if by_uid else b"", b"MOVE" if move else b"COPY", sequence, target.encode(),
        )  # fmt: skip
        return Command(text, numbered=not by_uid, finish=finish, may_fail=target not in BOXES, alone=move)

    def _copied(self, box: str, uids: list[int], target: str, told: list[bytes]) -> None:
        if len(told) > 1:
            raise Violation(f"{self.who}: COPYUID twice")
        for argument in told:
            _, sources, targets = argument.split()
            pairs = list(zip(answer.numbers(sources), answer.numbers(targets), strict=True))
            if not {source for source, _ in pairs} <= set(uids):
                raise Violation(f"{self.who}: COPYUID names {sources.decode()} of {uids}")
            if target in BOXES:
                for source, copied in pairs:
                    if (box, source) in self.ledger.doomed:
                        self.ledger.doom(target, copied)  # the copy may be \\Deleted from the beginning
                    self.ledger.place(target, copied, self.ledger.content.get((box, source)))

    def move(self, view: View) -> Command:
        return self.copy(view, move=True)

    def status(self, _view: View) -> Command:
        box = self.dice.choice(BOXES)
        return Command(b"STATUS %b (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)" % box.encode())

    def side(self, view: View) -> Command:
        """Mailboxes that come and go."""
        one, other = (name.encode() for name in self.dice.sample(SIDE, 2))
        if self.dice.random() < 0.3:
            return self.append(view, SIDE[0])
        commands = (
            b"CREATE " + one,
            b"DELETE " + one,
            b"RENAME %b %b" % (one, other),
            b'LIST "" *',
            b"SUBSCRIBE " + one,
        )
        return Command(self.dice.choice(commands), may_fail=True)
