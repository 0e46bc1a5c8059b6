"""Golden dialogues: what a client says, what the server answers, line by line.

# a comment
M: INBOX (\\Seen) | Subject words | Body words      a message put into the store before or between commands
C: a NOOP                                          the client sends a line (C1:, C2: where there are several)
C: a APPEND INBOX {}                               `{}` at the end stands for the size of the literal that follows
C> Subject: hello                                  a line of that literal
S: a OK ...                                        the server must answer this line; `...` is anything
S: * OK [UIDVALIDITY <v>] ...                      `<v>` is a word that is remembered, and the same ever after
S: (closed)                                        the server must hang up
S: (compressed)                                    from here on both sides compress (RFC 4978)
S: (plain)                                         and from here on no more (RFC 8437)
"""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the file; `who` is empty for `M`."""

    number: int
    who: str
    kind: str
    text: str


_LINE = re.compile(r"([CSM])(\d?)([:>]) ?(.*)\Z")


def read(path: Path) -> list[Step]:
    steps = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise ValueError(f"{path.name}:{number}: {line!r} is no line of a dialogue")
        letter, who, mark, text = match.groups()
        steps.append(Step(number, who or "1", letter + mark, text))
    return steps


class Memory:
    """Words captured by `<name>`."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """Put what is remembered into a client's line."""
        return re.sub(r"<(\w+)>", lambda m: self._words.get(m[1], m[0]), text)

    def matches(self, expected: str, actual: str) -> bool:
        pattern, names = "", []
        for part in re.split(r"(\.\.\.|<\w+>)", expected):
            if part == "...":
                pattern += ".*"
            elif re.fullmatch(r"<\w+>", part) and part[1:-1] not in self._words:
                names.append(part[1:-1])
                pattern += r"([^\s()\[\]]+)"
            else:
                pattern += re.escape(self.fill(part))
        match = re.fullmatch(pattern, actual)
        if match is None:
            return False
        self._words |= dict(zip(names, match.groups(), strict=True))
        return True
