"""Words for the values of mail in templates: dates as near as they are, sizes, languages, avatars.

All of it speaks the language and the time zone of the person who is signed in (Flask-Babel).
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from flask import Flask, g, url_for
from flask_babel import format_date, format_datetime, format_decimal, get_locale, get_timezone, gettext
from markupsafe import Markup, escape

from webmail import avatar, page
from webmail.delivery_report import Failure
from webmail.envelope import Person
from webmail.invitation import Invitation
from webmail.mailbox_list import Mailbox
from webmail.message_list import Row, labels

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
WEEK = 6
MAX_MARKS = 50
MAX_NAMES = 4


def _(text: str, **values: object) -> str:
    return str(gettext(text, **values))


def init_app(app: Flask) -> None:
    """Register them; a second call changes nothing."""
    app.jinja_env.filters.update(
        row_time=row_time,
        full_time=full_time,
        long_time=long_time,
        octets=octets,
        marked=marked,
        month_word=month_word,
        day_number=day_number,
    )
    app.jinja_env.globals.update(
        avatar_of=avatar.of,
        language_of=language_of,
        run=run,
        letter_url=letter_url,
        mailbox_label=mailbox_label,
        mailbox_icon=mailbox_icon,
        box_url=box_url,
        day_label=day_label,
        sender_words=sender_words,
        names_of=names_of,
        labels_of=labels,
        title_of=title_of,
        event_time=event_time,
        failure_words=failure_words,
    )


def _zone() -> tzinfo:
    """The reader's time zone, looked up once a request and not twice for each row."""
    found: tzinfo | None = g.get("reader_zone")
    if found is None:
        found = g.reader_zone = get_timezone() or UTC
    return found


def local(moment: datetime) -> datetime:
    """The moment on the clock of the reader."""
    return moment.astimezone(_zone())


def today() -> date:
    """The reader's date, the same for the whole of a page."""
    found: date | None = g.get("reader_today")
    if found is None:
        found = g.reader_today = local(page.now()).date()
    return found


def day_label(moment: datetime | None) -> str:
    """The heading over rows of one day, week day or month."""
    if moment is None:
        return _("No date")
    day, now = local(moment).date(), today()
    if day >= now:
        return _("Today")
    if day == now - timedelta(days=1):
        return _("Yesterday")
    if day >= now - timedelta(days=WEEK):
        return str(format_date(day, "EEEE"))
    if (day.year, day.month) == (now.year, now.month):
        return _("Earlier this month")
    return str(format_date(day, _("MMMM y")))


def row_time(moment: datetime | None, under_heading: bool = False) -> str:
    """As short as it can be told: 09:42, Yesterday (the time where a heading says the day), Mon, 19 Nov, 2025."""
    if moment is None:
        return ""
    day, now = local(moment).date(), today()
    is_yesterday = day == now - timedelta(days=1)
    if day >= now or (is_yesterday and under_heading):
        return f"{local(moment):%H:%M}"
    if is_yesterday:
        return _("Yesterday")
    if day >= now - timedelta(days=WEEK):
        return str(format_date(day, "EEE"))
    if day.year == now.year:
        return str(format_date(day, _("d MMM")))
    return str(format_date(day, _("d MMM y")))


def full_time(moment: datetime | None) -> str:
    """In the head of a message: Today, 09:42."""
    if moment is None:
        return ""
    day, now = local(moment).date(), today()
    clock = f"{local(moment):%H:%M}"
    if day == now:
        return _("Today, %(time)s", time=clock)
    if day == now - timedelta(days=1):
        return _("Yesterday, %(time)s", time=clock)
    pattern = _("EEE d MMM") if day.year == now.year else _("d MMM y")
    return f"{format_date(day, pattern)}, {clock}"


def long_time(moment: datetime | None) -> str:
    """The whole of it, for a tooltip."""
    return _long(moment, str(get_locale()), str(_zone())) if moment else ""


@lru_cache(maxsize=4_000)
def _long(moment: datetime, _language: str, _zone: str) -> str:
    """The same rows are shown again whenever something arrives."""
    return f"{_day(local(moment))}, {local(moment):%H:%M:%S} {format_datetime(moment, 'zzzz')}"


def _day(moment: datetime) -> str:
    """Tuesday 24 November 2026, in the order of the reader's language."""
    return str(format_date(moment, _("EEEE d MMMM y")))


def octets(count: int) -> str:
    """4.3 MB: decimal units, as file managers count."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    digits = "0.#" if unit not in ("B", "kB") and value < 100 else "0"
    return f"{format_decimal(value, digits)} {unit}"


def language_of(text: str | None) -> str:
    """The language of a run that is not in the page's own script, for `lang`; empty for none."""
    if not text or text.isascii():
        return ""
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    if _HAN.search(text):
        return "zh-Hant" if str(get_locale()) == "zh_Hant" else "zh-Hans"
    return ""


def run(text: str | None) -> Markup:
    """A run of another language with its `lang`, so that glyph shapes and quotes come right."""
    tag = language_of(text)
    return Markup('<span lang="{}">{}</span>').format(tag, text) if tag else escape(text or "")


def letter_url(row: Row) -> str:
    """The address of a message, made fifty times a page: what `url_for` gives, without its search."""
    return f"{_letters_of(row.mailbox, row.uidvalidity)[0]}{row.uid}{_letters_of(row.mailbox, row.uidvalidity)[1]}"


@lru_cache(maxsize=500)
def _letters_of(mailbox: str, uidvalidity: int) -> tuple[str, str]:
    before, _uid, after = url_for("message.show", mailbox=mailbox, uidvalidity=uidvalidity, uid=0).partition("/0/")
    return f"{before}/", f"/{after}"


def marked(text: str | None, words: tuple[str, ...] | list[str]) -> Markup:
    """The text with what was searched for in <mark>; escaped piece by piece (T035)."""
    plain = text or ""
    wanted = [re.escape(word) for word in words if word.strip()]
    if not wanted:
        return escape(plain)
    parts: list[Markup] = []
    position = 0
    for index, match in enumerate(re.finditer("|".join(sorted(wanted, key=len, reverse=True)), plain, re.IGNORECASE)):
        if index >= MAX_MARKS or not match[0]:
            break
        parts += (escape(plain[position : match.start()]), Markup("<mark>{}</mark>").format(match[0]))
        position = match.end()
    parts.append(escape(plain[position:]))
    return Markup().join(parts)


def mailbox_label(mailbox: Mailbox) -> str:
    """The name of a mailbox in the rail: translated where it has a role."""
    names = {
        "inbox": _("Inbox"),
        "drafts": _("Drafts"),
        "sent": _("Sent"),
        "archive": _("Archive"),
        "junk": _("Junk"),
        "trash": _("Trash"),
    }
    return names.get(mailbox.role) or mailbox.label


_ICONS = {
    "inbox": "inbox",
    "drafts": "file-pen",
    "sent": "send",
    "archive": "archive",
    "junk": "octagon-alert",
    "trash": "trash-2",
}  # icons: inbox file-pen send archive octagon-alert trash-2 folder


def mailbox_icon(mailbox: Mailbox) -> str:
    return _ICONS.get(mailbox.role, "folder")


def box_url(name: str, **words: str) -> str:
    """The address of a mailbox's list."""
    named: dict[str, Any] = {key: value for key, value in words.items() if value}
    return url_for("mailbox.show", mailbox=name, **named)


def sender_words(people: tuple[Person, ...], own: str) -> str:
    """`Mara, Jonas, me`: first names where there are several."""
    if not people:
        return _("Nobody")
    if len(people) == 1:
        return people[0].label
    return ", ".join(_short(person, own) for person in people[:4])


def _short(person: Person, own: str) -> str:
    if person.email.casefold() == own.casefold():
        return _("me")
    first = person.label.split()[0] if person.name else person.email.partition("@")[0]
    return first.rstrip(",")


def names_of(people: Sequence[Person], own: str) -> str:
    """`me, Jonas Brandt, 陈立 and 3 more`."""
    named = [_("me") if person.email.casefold() == own.casefold() else person.label for person in people]
    separator = _(", ")
    if len(named) <= MAX_NAMES:
        return separator.join(named)
    rest = len(named) - MAX_NAMES
    return _("%(names)s and %(count)s more", names=separator.join(named[:MAX_NAMES]), count=rest)


def title_of(box: Mailbox, view: Any = None) -> str:
    """The title of the window: unread in front, so that it is seen in a tab."""
    subject = view.letter.fetched.envelope.subject if view is not None else ""
    name = subject or mailbox_label(box)
    unread = f"({box.unseen}) " if box.unseen and box.role == "inbox" else ""
    return f"{unread}{name} · Posthouse"


def month_word(moment: datetime) -> str:
    return str(format_date(_placed(moment), "MMM"))


def day_number(moment: datetime) -> str:
    return str(format_date(_placed(moment), "d"))


def _placed(moment: datetime) -> datetime:
    """An event on the reader's clock; one without a zone stays where it is (RFC 5545 §3.3.5, form 1)."""
    return local(moment).replace(tzinfo=None) if moment.tzinfo else moment


def event_time(event: Invitation) -> str:
    """`Wednesday 2 December, 14:00 to 15:00`."""
    if event.start is None:
        return ""
    start = _placed(event.start)
    day = _day(start)
    if event.all_day:
        return day
    begins = f"{start:%H:%M}"
    if event.end is None:
        return _("%(day)s, %(start)s", day=day, start=begins)
    end = _placed(event.end)
    if end.date() == start.date():
        return _("%(day)s, %(start)s to %(end)s", day=day, start=begins, end=f"{end:%H:%M}")
    last = f"{format_date(end, _('d MMM y'))}, {end:%H:%M}"
    return _("%(day)s, %(start)s to %(end)s", day=day, start=begins, end=last)


def failure_words(failure: Failure) -> str:
    """Why a message did not arrive, for a person."""
    if failure.action == "delayed":
        return _("It has not arrived yet. The server goes on trying; nothing needs to be done.")
    reasons = {
        "no-address": _("Their server says that the address does not exist. Look for a typing mistake."),
        "no-domain": _("There is no mail server of that name. Look at what stands behind the @."),
        "full": _("Their mailbox is full."),
        "too-large": _("The message is larger than their server takes. Send the files another way."),
        "refused": _("Their server refused it by its own rules."),
        "unreachable": _("Their server could not be reached for too long."),
    }
    return reasons.get(failure.reason, _("Their server did not take it."))
