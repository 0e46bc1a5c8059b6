"""How a person wants the pages: own table of the directory database, one typed column a wish.

Invariants: a value outside its list is never stored and never shown (security.md T072: typed columns, no merge of request keys);
an account without a row has the defaults.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from zoneinfo import available_timezones

from sqlalchemy import Boolean, Column, Integer, MetaData, String, Table, insert, select, update

from server.db.schema import Schema
from server.db.transaction import Reader, Writer

METADATA = MetaData()

preference = Table(
    "preference",
    METADATA,
    Column("account_id", Integer, primary_key=True),
    Column("language", String, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("theme", String, nullable=False),
    Column("accent", String, nullable=False),
    Column("density", String, nullable=False),
    Column("images", String, nullable=False),
    Column("reading_pane", String, nullable=False),
    Column("shortcuts", Boolean, nullable=False),
)

SCHEMA = Schema("preferences", 1, METADATA)

LANGUAGES = {"en": "English", "zh_Hans": "简体中文", "zh_Hant": "繁體中文"}
"""Catalogue name -> the language's own name for itself."""
THEMES = ("system", "light", "dark")
ACCENTS = ("petrol", "blue", "violet", "rose", "coral", "amber", "olive", "green", "slate")
DENSITIES = ("comfortable", "compact")
IMAGES = ("ask", "always", "never")
READING_PANES = ("right", "below", "off")


@dataclass(frozen=True, slots=True)
class Preferences:
    """`language` and `time_zone` may be empty: then the browser's language and the server's clock decide."""

    language: str = ""
    time_zone: str = ""
    theme: str = "system"
    accent: str = "petrol"
    density: str = "comfortable"
    images: str = "ask"
    reading_pane: str = "right"
    shortcuts: bool = True


DEFAULTS = Preferences()
_CHOICES: dict[str, tuple[str, ...]] = {
    "language": ("", *LANGUAGES),
    "theme": THEMES,
    "accent": ACCENTS,
    "density": DENSITIES,
    "images": IMAGES,
    "reading_pane": READING_PANES,
}


def changed(current: Preferences, **wishes: object) -> Preferences:
    """Return `current` with the wishes that make sense; an unknown name or value changes nothing."""
    allowed = {name: value for name, value in wishes.items() if _makes_sense(name, value)}
    return replace(current, **allowed)  # type: ignore[arg-type]  # names and types were checked above


def _makes_sense(name: str, value: object) -> bool:
    if name == "shortcuts":
        return isinstance(value, bool)
    if name == "time_zone":
        return isinstance(value, str) and (not value or value in _time_zones())
    return value in _CHOICES.get(name, ())


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    """The library opens six hundred files to tell, and every request asks."""
    return frozenset(available_timezones())


def load(r: Reader, account_id: int) -> Preferences:
    """Return what the person chose, with defaults in the place of what a newer or older version stored."""
    names = [f.name for f in fields(Preferences)]
    row = r.execute(select(*(preference.c[n] for n in names)).where(preference.c.account_id == account_id)).first()
    if row is None:
        return DEFAULTS
    values = dict(zip(names, row, strict=True))
    return changed(DEFAULTS, **(values | {"shortcuts": bool(values["shortcuts"])}))


def save(w: Writer, account_id: int, wanted: Preferences) -> None:
    """Keep all wishes of one person."""
    values = {f.name: getattr(wanted, f.name) for f in fields(Preferences)}
    if w.execute(update(preference).where(preference.c.account_id == account_id).values(**values)).rowcount == 0:
        w.execute(insert(preference).values(account_id=account_id, **values))
