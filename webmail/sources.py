"""Outside accounts as their owner sees them: states in words, progress, and what a form may say about one.

The rules of the table (`fetcher.account`) stay there; this module asks only for sources of the person who is signed in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import g
from flask_babel import format_date, format_timedelta
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from fetcher import account as table
from fetcher import seen
from fetcher.account import NewSource, Source, SourceInvalid
from fetcher.seen import Story
from server.db.transaction import Writer
from server.notify.bus import SOURCES, poke_once
from webmail.i18n import N_
from webmail.page import HUES, now
from webmail.session import desk

FIELD_LIMIT = 320
STORIES = 50
RECENT = timedelta(days=6)

REASONS = {
    "empty": N_("This is needed."),
    "long": N_("This is too long."),
    "bad": N_("This cannot be used."),
    "exists": N_("You collect this account already."),
    "again": N_("For another server, type the password again."),
    "many": N_("You have as many accounts as are allowed."),
}
COLOURS = HUES
STORY_WORDS = {
    "delivered": ("circle-check", "ok", N_("Collected")),
    "duplicate": ("info", "info", N_("Was here already")),
    "refused": ("triangle-alert", "warn", N_("Left at the provider")),
    "pending": ("clock", "calm", N_("Waits")),
}  # icons: circle-check info triangle-alert clock


@dataclass(frozen=True, slots=True)
class State:
    """How a source is doing: a shape, a kind of colour, a word, and what to do if something is wrong."""

    icon: str
    kind: str
    words: str
    sentence: str = ""
    remedy: str = ""
    busy: bool = False


def state_of(source: Source) -> State:
    """Put the state of a source into words."""
    trouble = source.trouble
    sentence, remedy = (_(trouble.sentence), _(trouble.remedy)) if trouble else ("", "")
    if source.state == "paused":
        return State("pause", "calm", _("Paused"))
    if source.state == "sign-in":
        return State("key-round", "warn", _("Sign in"), sentence, remedy)
    if source.state == "failing":
        return State("triangle-alert", "bad", _("since %(when)s", when=_since(source.failing_since)), sentence, remedy)
    if source.state == "fetching":
        return State("refresh-cw", "on", _("Collecting"), busy=True)
    if source.state == "new":
        return State("clock", "calm", _("Waits for its turn"), sentence, remedy, busy=True)
    return State(
        "circle-check", "ok", _("Up to date"), sentence, remedy
    )  # icons: pause key-round triangle-alert refresh-cw clock circle-check


def _since(moment: datetime | None) -> str:
    if moment is None:
        return str(_("a while"))
    return str(format_date(moment, "EEE" if now() - moment < RECENT else _("d MMM y")))


def ago(moment: datetime | None) -> str:
    """`5 minutes ago`, `in 2 minutes`, or a dash."""
    if moment is None:
        return "–"
    return str(format_timedelta(moment - now(), add_direction=True))


def coming(moment: datetime | None) -> str:
    """When the next run is: `in 2 minutes`, or that it is due."""
    if moment is not None and moment <= now():
        return str(_("now"))
    return ago(moment)


def percent(source: Source) -> int:
    """Whole percents of the run that is under way."""
    if source.progress_total <= 0:
        return 0
    return min(100, source.progress_done * 100 // source.progress_total)


def monogram(source: Source) -> str:
    """The letter of the account: the first of its name that is one."""
    return next((c.upper() for c in title(source) if c.isalnum()), "@")


def colour(source: Source) -> str:
    return source.colour if source.colour in COLOURS else "slate"


def title(source: Source) -> str:
    return source.name or source.address or source.username


def mine() -> Sequence[Source]:
    """The sources of the person who is signed in."""
    return desk.directory.read_now(lambda r: table.list_for(r, g.session.account_id))


def one(source_id: int) -> Source:
    """One source of this person; anything else is not found, whether it exists or not."""
    found = desk.directory.read_now(lambda r: table.by_id(r, source_id, g.session.account_id))
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """What the page of a source shows beside the source itself."""

    counts: Mapping[str, int]
    stories: Sequence[Story]
    more: bool


def page_of(source: Source, *, offset: int, search: str) -> Page:
    """Counts and one page of the ledger."""

    def read(r: Any) -> Page:
        stories = seen.stories(r, source.id, limit=STORIES + 1, offset=offset, search=search)
        return Page(seen.counts(r, source.id), stories[:STORIES], len(stories) > STORIES)

    return desk.directory.read_now(read)


def reason(code: str | None) -> str:
    """The sentence for a reason in the ledger."""
    trouble = table.trouble(code)
    return str(_(trouble.sentence)) if trouble else ""


# -- what changes something; each is poked to the worker afterwards


def _write(change: Callable[[Writer], Any]) -> Any:
    result = desk.directory.write_now(change)
    poke_once(desk.settings.run_dir, SOURCES)
    return result


def create(new: NewSource, password: str) -> int:
    """Store a source; raises SourceInvalid."""
    ring = table.keyring(desk.settings)
    return int(_write(lambda w: table.create(w, new, password, ring, now=now())))


def change(source: Source, values: Mapping[str, Any], password: str | None) -> None:
    """Change a source; raises SourceInvalid.

    What the administrator allowed for one server does not go on to another that a person names (T051), nor does the password that
    was given for one: whoever holds somebody's session for a minute must not have it sent to a server of theirs (T065).
    """
    host = str(values.get("host", source.host)).strip().rstrip(".").lower()
    is_elsewhere = (host, values.get("port", source.port)) != (source.host, source.port)
    becomes_clear = values.get("tls", source.tls) == "none" != source.tls
    if not password and (host != source.host or becomes_clear) and host:
        raise SourceInvalid("password", "again")
    ring = table.keyring(desk.settings) if password else None
    wanted = dict(values) | ({"private_ok": False} if is_elsewhere else {})
    _write(lambda w: table.change(w, source.id, now=now(), password=password, ring=ring, **wanted))


def collect(source: Source) -> None:
    _write(lambda w: table.fetch_now(w, source.id, now=now()))


def pause(source: Source) -> None:
    _write(lambda w: table.pause(w, source.id))


def resume(source: Source) -> None:
    _write(lambda w: table.resume(w, source.id, now=now()))


def remove(source: Source) -> None:
    _write(lambda w: table.delete(w, source.id))


def retry_refused(source: Source) -> int:
    """Let the next run try what was left at the provider once more."""

    def again(w: Writer) -> int:
        number = seen.try_refused_again(w, source.id)
        table.fetch_now(w, source.id, now=now())
        return number

    return int(_write(again))


# -- forms


def text(form: Mapping[str, str], name: str) -> str:
    return form.get(name, "").strip()[:FIELD_LIMIT]


def port(value: str) -> int:
    """Read a port; what is none becomes 0, which the table refuses."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 5 else 0


def problem(error: SourceInvalid) -> dict[str, str]:
    """The refusal of the table as the hint below a field."""
    return {error.field: _(REASONS.get(error.reason, REASONS["bad"]))}
