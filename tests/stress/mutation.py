"""Golden dialogues, damaged: what a client with a bug, or with bad intentions, may send."""

import random
from collections.abc import Callable
from pathlib import Path

from tests.transcripts import dialogue

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
PIECES = (
    *(b"\x00", b"\r", b"\n", b"\xff\xfe", b"\xc3\x28", b"{0}\r\n", b"{5+}\r\n", b"{4294967296}\r\n", b"{99999999999999999999+}\r\n"),
    *(b"~{3+}\r\nabc", b"(" * 200, b")" * 9, b'"', b"\\", b"*", b"%", b"[", b"]", b"<0.18446744073709551616>", b"1:*", b"*:1", b"0"),
    *(b"4294967295", b"4294967296", b"18446744073709551615", b"-1", b"$", b"NIL", b"&AOk-", b"&", b"&&&-", b"INBOX", b"../", b"\x7f"),
    *(b"UID ", b"OR ", b"NOT ", b"(RETURN (", b"BODY[1.2.3.4.5.6.7.8]", b"BODY[HEADER.FIELDS ()]", b" " * 3, b"=", b"====", b"AUTH PLAIN"),
    *(b"\r\n.\r\n", b"\r\n..\r\n", b"\n.\n", b"<>", b"<@a,@b:c@d>", b"BDAT 5 LAST\r\n", b"SIZE=99999999999999999999", b"x" * 3_000),
)  # fmt: skip


def numbered(protocol: str) -> list[list[bytes]]:
    """The commands of every transcript of `protocol` in which one client speaks as it is written there."""
    found = []
    for path in sorted((TRANSCRIPTS / protocol).glob("*.txt")):
        said = _said(path) if protocol != "smtp" else _smtp_said(path)
        if said:
            found.append(said)
    return found


def _said(path: Path) -> list[bytes]:
    commands: list[bytes] = []
    content: list[bytes] = []
    steps = [step for step in dialogue.read(path) if step.kind in {"C:", "C>"}]
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        text = step.text.encode()
        if step.kind == "C:":
            commands.append(text)
            content = []
        else:
            content.append(text + b"\r\n")
        if commands[-1].endswith(b"{}") and (after is None or after.kind == "C:"):
            octets = b"".join(content)
            commands[-1] = commands[-1].removesuffix(b"{}") + b"{%d+}\r\n" % len(octets) + octets
    return [command + b"\r\n" for command in commands]


def _smtp_said(path: Path) -> list[bytes]:
    lines = path.read_text("utf-8").splitlines()
    return [line[3:].encode() + b"\r\n" for line in lines if line.startswith("C: ") and line != "C: STARTTLS"]


class Mutator:
    """Draws damaged dialogues; the same `seed` draws the same."""

    def __init__(self, protocol: str, seed: int) -> None:
        self._dialogues = numbered(protocol)
        self._dice = random.Random(seed)

    def draw(self) -> bytes:
        """One connection's octets: mostly sound, so that what is damaged is reached."""
        dice = self._dice
        commands = list(dice.choice(self._dialogues))
        if dice.random() < 0.3:
            other = dice.choice(self._dialogues)
            at = dice.randrange(len(commands)) + 1
            commands[at:at] = other[dice.randrange(len(other)) :]
        for _ in range(dice.choice((1, 1, 2, 4))):
            at = dice.randrange(len(commands))
            commands[at] = dice.choice(self._damages)(commands[at])
        if dice.random() < 0.1:
            dice.shuffle(commands)
        whole = b"".join(commands)
        return whole[: dice.randrange(len(whole))] if dice.random() < 0.1 and whole else whole

    @property
    def _damages(self) -> tuple[Callable[[bytes], bytes], ...]:
        return (self._insert, self._insert, self._flip, self._cut, self._repeat, self._replace_word, self._twice)

    def _place(self, line: bytes) -> int:
        return self._dice.randrange(len(line) + 1)

    def _insert(self, line: bytes) -> bytes:
        at = self._place(line)
        return line[:at] + self._dice.choice(PIECES) + line[at:]

    def _flip(self, line: bytes) -> bytes:
        if not line:
            return line
        at = self._dice.randrange(len(line))
        return line[:at] + bytes([line[at] ^ 1 << self._dice.randrange(8)]) + line[at + 1 :]

    def _cut(self, line: bytes) -> bytes:
        start, end = sorted((self._place(line), self._place(line)))
        return line[:start] + line[end:]

    def _repeat(self, line: bytes) -> bytes:
        start, end = sorted((self._place(line), self._place(line)))
        return line[:start] + line[start:end] * self._dice.choice((2, 50)) + line[end:]

    def _replace_word(self, line: bytes) -> bytes:
        words = line.split(b" ")
        words[self._dice.randrange(len(words))] = self._dice.choice(PIECES)
        return b" ".join(words)

    def _twice(self, line: bytes) -> bytes:
        return line + line
