"""The search box: what a person types, as IMAP search keys. Pure.

    query   = or ;  or = and *("OR" and) ;  and = 1*term
    term    = ["-"] (operator ":" value / word / phrase / "(" query ")")

What is not understood is searched as text, never an error. RFC 9051 §6.4.4 (SEARCH keys).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from webmail.imap_command import Token, Value
from webmail.message_list import any_of, files_criteria

MAX_QUERY = 500
MAX_TERMS = 40
MAX_DEPTH = 8
FILES = "X-FILES"
"""Stands for 'has an attachment' until it is known what the server can say about it."""

_LEXEME = re.compile(r'\s*(?:(-?)(?:([A-Za-z_]+):)?(?:"([^"]*)"?|([^\s()"]+))|([()])|(-))')
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([kmg]?)b?\Z", re.IGNORECASE)
_AGE = re.compile(r"(\d{1,4})([dwmy])\Z", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?\Z")
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_KEYWORD = re.compile(r"[A-Za-z0-9_.+-]{1,60}\Z")
_STATES: dict[str, Token] = {
    "unread": "UNSEEN",
    "read": "SEEN",
    "starred": "FLAGGED",
    "unstarred": "UNFLAGGED",
    "replied": "ANSWERED",
    "answered": "ANSWERED",
    "draft": "DRAFT",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A search that a server can do.

    Attributes:
        tokens: Search keys, all of which must match.
        mailbox: The folder named by `in:`, as written; empty for none, `anywhere` for all.
        words: What to mark in the results.
    """

    tokens: tuple[Token, ...]
    mailbox: str = ""
    words: tuple[str, ...] = ()

    def criteria(self, *, keyword_marks_files: bool) -> tuple[Token, ...]:
        """Search keys for this server; everything where nothing was asked."""
        files = files_criteria(keyword_marks_files=keyword_marks_files)
        spread: list[Token] = []
        for token in self.tokens:
            spread.extend(files if token == FILES else (token,))
        return tuple(spread) or ("ALL",)


@dataclass(slots=True)
class _Lexeme:
    kind: str  # "(" ")" "or" "term"
    negative: bool = False
    operator: str = ""
    value: str = ""
    quoted: bool = False


@dataclass(slots=True)
class _State:
    lexemes: list[_Lexeme]
    today: date
    position: int = 0
    mailbox: str = ""
    words: list[str] = field(default_factory=list)

    def peek(self) -> _Lexeme | None:
        return self.lexemes[self.position] if self.position < len(self.lexemes) else None


def parse(text: str, today: date) -> Query:
    """Read a query. Never raises."""
    clean = re.sub(r"[\x00-\x1f\x7f]", " ", text)[:MAX_QUERY]
    state = _State(_lex(clean), today)
    groups: list[tuple[Token, ...]] = []
    while state.peek() is not None:
        found = _either(state, 0)
        if found:
            groups.append(found)
        if state.peek() is not None:  # a bracket that closes nothing
            state.position += 1
    tokens = tuple(token for group in groups for token in group)
    return Query(tokens, state.mailbox, tuple(dict.fromkeys(state.words)))


def _lex(text: str) -> list[_Lexeme]:
    found: list[_Lexeme] = []
    position = 0
    while position < len(text) and len(found) < MAX_TERMS:
        match = _LEXEME.match(text, position)
        if match is None:
            position += 1
            continue
        position = match.end()
        minus, operator, phrase, word, bracket, _ = match.groups()
        if bracket:
            found.append(_Lexeme(bracket))
        elif word == "OR" and not operator and not minus:
            found.append(_Lexeme("or"))
        elif phrase is not None or word:
            value = phrase if phrase is not None else word
            found.append(_Lexeme("term", bool(minus), (operator or "").lower(), value or "", phrase is not None))
    return found


def _either(state: _State, depth: int) -> tuple[Token, ...]:
    choices = [_together(state, depth)]
    while (lexeme := state.peek()) is not None and lexeme.kind == "or":
        state.position += 1
        choices.append(_together(state, depth))
    filled = [choice for choice in choices if choice]
    if len(filled) < 2:
        return filled[0] if filled else ()
    return any_of([_one_key(choice) for choice in filled])


def _together(state: _State, depth: int) -> tuple[Token, ...]:
    keys: list[Token] = []
    while (lexeme := state.peek()) is not None and lexeme.kind in ("term", "("):
        state.position += 1
        if lexeme.kind == "(":
            if depth < MAX_DEPTH:
                keys.extend(_either(state, depth + 1))
                closing = state.peek()
                if closing is not None and closing.kind == ")":
                    state.position += 1
            continue
        found = _term(state, lexeme)
        keys.extend(("NOT", *_one_key(found)) if found and lexeme.negative else found)
    return tuple(keys)


def _one_key(keys: tuple[Token, ...]) -> tuple[Token, ...]:
    """Several keys that stand where the grammar wants one."""
    return ("(", *keys, ")")


def _term(state: _State, lexeme: _Lexeme) -> tuple[Token, ...]:
    value = lexeme.value.strip()
    handler = _OPERATORS.get(lexeme.operator)
    if handler is not None and value:
        found = handler(state, value)
        if found is not None:
            if lexeme.operator in _TEXTUAL and not lexeme.negative:
                state.words.append(value)
            return found
    text = f"{lexeme.operator}:{value}" if lexeme.operator else value
    if not text.strip():
        return ()
    if not lexeme.negative:
        state.words.append(text)
    return ("TEXT", Value(text))


def _in(state: _State, value: str) -> tuple[Token, ...]:
    state.mailbox = value
    return ()


def _has(_state: _State, value: str) -> tuple[Token, ...] | None:
    return (FILES,) if value.lower() in ("attachment", "attachments", "file", "files") else None


def _is(_state: _State, value: str) -> tuple[Token, ...] | None:
    key = _STATES.get(value.lower())
    return (key,) if key else None


def _label(_state: _State, value: str) -> tuple[Token, ...] | None:
    return ("KEYWORD", value) if _KEYWORD.match(value) else None


def _sized(key: str) -> "Callable[[_State, str], tuple[Token, ...] | None]":
    def handler(_state: _State, value: str) -> tuple[Token, ...] | None:
        match = _SIZE.match(value)
        if match is None:
            return None
        octets = int(float(match[1]) * _UNITS[match[2].lower()])
        return (key, str(min(octets, 2**63 - 1)))

    return handler


def _dated(key: str) -> "Callable[[_State, str], tuple[Token, ...] | None]":
    def handler(_state: _State, value: str) -> tuple[Token, ...] | None:
        match = _DATE.match(value)
        if match is None:
            return None
        try:
            return (key, imap_date(date(int(match[1]), int(match[2]), int(match[3] or 1))))
        except ValueError:
            return None

    return handler


def _aged(key: str) -> "Callable[[_State, str], tuple[Token, ...] | None]":
    def handler(state: _State, value: str) -> tuple[Token, ...] | None:
        match = _AGE.match(value)
        if match is None:
            return None
        days = int(match[1]) * _DAYS[match[2].lower()]
        return (key, imap_date(max(state.today - timedelta(days=min(days, 36_000)), date(1970, 1, 1))))

    return handler


def imap_date(day: date) -> str:
    """A date as SEARCH wants it: 5-Nov-2026."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04d}"


def _textual(*keys: str) -> "Callable[[_State, str], tuple[Token, ...] | None]":
    def handler(_state: _State, value: str) -> tuple[Token, ...] | None:
        return any_of([(key, Value(value)) for key in keys])

    return handler


_TEXTUAL = frozenset({"from", "to", "cc", "subject", "body"})
_OPERATORS: dict[str, Callable[[_State, str], tuple[Token, ...] | None]] = {
    "from": _textual("FROM"),
    "to": _textual("TO", "CC"),
    "cc": _textual("CC"),
    "subject": _textual("SUBJECT"),
    "body": _textual("BODY"),
    "in": _in,
    "has": _has,
    "is": _is,
    "label": _label,
    "larger": _sized("LARGER"),
    "smaller": _sized("SMALLER"),
    "before": _dated("BEFORE"),
    "after": _dated("SINCE"),
    "older_than": _aged("BEFORE"),
    "newer_than": _aged("SINCE"),
}


def suggestions(prefix: str) -> Sequence[str]:
    """Operators that begin like this word."""
    lowered = prefix.lower()
    return [f"{name}:" for name in _OPERATORS if f"{name}:".startswith(lowered) and lowered]
