"""FETCH of flags alone (RFC 9051 §6.4.5), which clients ask of whole mailboxes to see what has changed.

Runs of messages are answered from a column that the store puts together (`flag_column`), scattered ones row by row. Either way a
batch is one read, and the client's reading sets the pace: what waits in memory is a batch, whatever the mailbox holds.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from typing import Protocol, TypeVar

from server.db.transaction import Reader
from server.imap.handler import Context
from server.imap.selected import RECENT, Selected
from server.imap.syntax.fetch_att import Column
from server.imap.syntax.fetch_response import flag_list
from server.store import flag_column, messages

COLUMNS = frozenset({Column.UID, Column.FLAGS, Column.MODSEQ})
BATCH = 5_000
RUN = 64
"""Messages in a row, on average, that make reading runs worth it."""

T = TypeVar("T")


class Read(Protocol):
    """`Context.read_view`, or what stands for it."""

    async def __call__(self, fn: Callable[[Reader], T], /) -> T: ...


Rendered = tuple[bytes, int]
"""Lines, and how many of the messages were not there any more."""


@dataclass(frozen=True, slots=True)
class _Form:
    """Which items a line has, and the line without its values."""

    uid: bool
    names: bool
    modseq: bool
    by_uid: bool

    @property
    def line(self) -> str:
        items = (("UID %d", self.uid), ("FLAGS %s", self.names), ("MODSEQ (%s)", self.modseq))
        word = "UIDFETCH" if self.by_uid else "FETCH"  # RFC 9586 §3.3
        return f"* %d {word} ({' '.join(text for text, wanted in items if wanted)})\r\n"


async def answer(
    ctx: Context, view: Selected, columns: Collection[Column], positions: Sequence[Sequence[int]], read: Read
) -> int:
    """Send a line for each message; returns how many were not there any more."""
    form = _Form(Column.UID in columns, Column.FLAGS in columns, Column.MODSEQ in columns, view.by_uid)
    total = sum(map(len, positions))
    runs = [run for run in positions if isinstance(run, range)]
    render: Callable[[Selected, _Form, Sequence[int], Reader], Rendered]
    batches: Iterable[Sequence[int]]
    if len(runs) == len(positions) and total >= RUN * len(runs):
        render, batches = _render_run, _parts(runs)
    else:
        render, batches = _render_rows, _batches(index for run in positions for index in run)
    missing = 0
    for batch in batches:
        data, gone = await read(partial(render, view, form, batch))
        missing += gone
        ctx.send(data)
        await ctx.drain()
    return missing


def _parts(runs: Iterable[range]) -> Iterator[Sequence[int]]:
    return (run[start : start + BATCH] for run in runs for start in range(0, len(run), BATCH))


def _batches(indexes: Iterator[int]) -> Iterator[Sequence[int]]:
    while batch := list(islice(indexes, BATCH)):
        yield batch


def _render_run(view: Selected, form: _Form, run: Sequence[int], reader: Reader) -> Rendered:
    """What lies between two uids of the view is in the view: if there are as many rows, they are the same messages."""
    uids = view.uids[run[0] : run[-1] + 1]
    column = flag_column.read(reader, view.mailbox_id, uids[0], uids[-1], modseqs=form.modseq)
    if len(column.items) != len(uids):
        return _render_rows(view, form, run, reader)
    numbers = range(run[0] + 1, run[-1] + 2)
    if not (form.names or form.modseq):
        named = zip(uids if form.by_uid else numbers, uids, strict=True)
        return "".join([form.line % pair for pair in named]).encode("ascii"), 0
    texts: Iterable[str] = map(_flag_text, column.items)
    if view.recent:
        each = zip(uids, column.items, strict=True)
        texts = [_recent_flag_text(item) if uid in view.recent else _flag_text(item) for uid, item in each]
    if form.modseq:
        marks = map("MODSEQ ({})".format, column.modseqs)
        texts = map("{} {}".format, texts, marks) if form.names else marks
    # Written out, not filled in: `%` takes twice as long.
    if form.by_uid:
        own = map("UID {} {}".format, uids, texts) if form.uid else texts
        lines = [f"* {uid} UIDFETCH ({text})\r\n" for uid, text in zip(uids, own, strict=True)]
    elif form.uid:
        lines = [f"* {n} FETCH (UID {uid} {text})\r\n" for n, uid, text in zip(numbers, uids, texts, strict=True)]
    else:
        lines = [f"* {n} FETCH ({text})\r\n" for n, text in zip(numbers, texts, strict=True)]
    return "".join(lines).encode("ascii"), 0


@lru_cache(maxsize=1_024)
def _recent_flag_text(item: str) -> str:
    return f"FLAGS {flag_list(flag_column.decode(item) | RECENT).decode('ascii')}"


@lru_cache(maxsize=4_096)
def _flag_text(item: str) -> str:
    return f"FLAGS {flag_list(flag_column.decode(item)).decode('ascii')}"


def _render_rows(view: Selected, form: _Form, indexes: Sequence[int], reader: Reader) -> Rendered:
    numbers = {view.uids[index]: view.uids[index] if form.by_uid else index + 1 for index in indexes}
    rows = messages.flags(reader, view.mailbox_id, list(numbers))
    lines = []
    for uid, flags, modseq in rows:
        values: list[int | str] = [numbers[uid]]
        if form.uid:
            values.append(uid)
        if form.names:
            values.append(flag_list(view.flags_of(uid, flags)).decode("ascii"))
        if form.modseq:
            values.append(str(modseq))
        lines.append(form.line % tuple(values))
    return "".join(lines).encode("ascii"), len(indexes) - len(rows)
