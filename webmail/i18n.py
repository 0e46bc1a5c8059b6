"""Languages: which one a request speaks, and the catalogues behind it.

`python -m webmail.i18n extract|update|compile|check` keeps the catalogues: texts are taken from templates, Python and scripts, .po
files are committed, .mo files are made by the set-up step. Texts that scripts show are written in templates as `data-…` attributes, so
there is one catalogue, not two.
"""

import argparse
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, get_translations
from markupsafe import Markup

from webmail.preferences import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
TRANSLATIONS = ROOT / "webmail" / "translations"
DOMAIN = "messages"
SOURCE_LANGUAGE = "en"
COOKIE = "posthouse_language"
COOKIE_SECONDS = 365 * 24 * 3600
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "lazy_gettext": None,
    "_l": None,
    "N_": None,
}
_TRADITIONAL = ("zh-tw", "zh-hk", "zh-mo", "zh-hant")


def init_app(app: Flask) -> None:
    """Attach Flask-Babel, and give templates the names they need."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, locale_selector=choose_language, timezone_selector=choose_time_zone)
    app.jinja_env.globals.update({"_": words, "languages": LANGUAGES, "language_tag": language_tag})


def words(text: str, **values: object) -> Markup:
    """What `_` is in templates. Flask-Babel's own looks the catalogue up again for each of a page's four hundred texts."""
    catalogue = g.get("catalogue")
    if catalogue is None:
        catalogue = g.catalogue = get_translations()
    said = Markup(catalogue.ugettext(text))  # noqa: S704 - texts of ours; values are escaped as they are put in
    return said % values if "%" in said else said


def choose_language() -> str:
    """The person's own choice, then this browser's choice on the sign-in page, then what the browser asks for."""
    if not has_request_context():
        return SOURCE_LANGUAGE
    session = g.get("session")
    wanted = (session.language if session else "") or request.cookies.get(COOKIE, "")
    return wanted if wanted in LANGUAGES else from_header(request.headers.get("Accept-Language", ""))


def from_header(value: str, *, limit: int = 20) -> str:
    """Choose a catalogue by an Accept-Language header (RFC 9110 §12.5.4); English when none fits."""
    wishes: list[tuple[float, int, str]] = []
    for index, item in enumerate(value.split(",")[:limit]):
        tag, _, parameter = item.partition(";")
        name, _, weight = parameter.strip().partition("=")
        quality = float(weight) if name == "q" and weight.replace(".", "", 1).isdigit() else 1.0
        if quality > 0:
            wishes.append((-quality, index, tag.strip().lower()))
    for _, _, tag in sorted(wishes):
        if tag.startswith(_TRADITIONAL):
            return "zh_Hant"
        if tag == "zh" or tag.startswith("zh-"):
            return "zh_Hans"
        if tag == "en" or tag.startswith("en-"):
            return "en"
    return SOURCE_LANGUAGE


def choose_time_zone() -> str | None:
    """The person's zone; None leaves it to the server's clock."""
    session = g.get("session") if has_request_context() else None
    return (session.preferences.time_zone or None) if session else None


def language_tag() -> str:
    """The value for `<html lang>`: BCP 47 writes a hyphen where catalogues have an underscore."""
    return str(get_locale() or SOURCE_LANGUAGE).replace("_", "-")


def N_(text: str) -> str:  # noqa: N802 - the name gettext has had for this since 1995
    """Mark a text for translation that is translated where it is shown."""
    return text


def extract() -> Catalog:
    """Return a catalogue of every text of the product, with where it stands."""
    catalog = Catalog(project="Posthouse", charset="utf-8")
    sources: tuple[tuple[Path, list[tuple[str, str]], dict[str, dict[str, str]]], ...] = (
        (ROOT / "webmail", [("**.py", "python")], {}),
        (ROOT / "fetcher", [("**.py", "python")], {}),
        (ROOT / "templates", [("**.html", "jinja2")], {"**.html": {"silent": "false", "encoding": "utf-8"}}),
    )
    for folder, methods, options in sources:
        for name, _line, message, comments, context in extract_from_dir(
            str(folder),
            methods,
            options,
            keywords=KEYWORDS,
            comment_tags=("Translators:",),
            strip_comment_tags=True,
            directory_filter=lambda _folder: True,  # Babel's own skips names with an underscore: our partials
        ):
            # Without line numbers a change of one line does not touch every catalogue.
            catalog.add(message, None, [(f"{folder.name}/{name}", None)], auto_comments=comments, context=context)  # type: ignore[list-item]  # Babel takes None, its annotation does not
    return catalog


def po_path(language: str) -> Path:
    return TRANSLATIONS / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def load(language: str) -> Catalog:
    """Read a committed catalogue; an absent one is empty."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language, domain=DOMAIN, project="Posthouse", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def update() -> None:
    """Bring every catalogue up to what the sources say; new texts are empty, gone ones go."""
    template = extract()
    for language in translated_languages():
        catalog = load(language)
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        path = po_path(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalog, width=120, sort_output=True, omit_header=False, include_lineno=False)


def translated_languages() -> tuple[str, ...]:
    return tuple(name for name in LANGUAGES if name != SOURCE_LANGUAGE)


def untranslated(language: str) -> list[str]:
    """Return the texts of the sources that this language lacks."""
    catalog = load(language)
    missing = []
    for message in extract():
        if not message.id:
            continue
        known = catalog.get(message.id, context=message.context)
        texts = (known.string if isinstance(known.string, (tuple, list)) else (known.string,)) if known else ("",)
        if not all(texts) or (known and known.fuzzy):
            missing.append(message.id if isinstance(message.id, str) else message.id[0])
    return missing


def compile_catalogues() -> None:
    """Write the .mo files that gettext reads."""
    for language in translated_languages():
        with po_path(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, load(language))


def main(arguments: list[str] | None = None) -> int:
    """The command line of the set-up step and of translators."""
    parser = argparse.ArgumentParser(prog="python -m webmail.i18n", description="Keep the catalogues of translations.")
    parser.add_argument("command", choices=("extract", "update", "compile", "check"))
    command = parser.parse_args(arguments).command
    if command == "extract":
        write_po(sys.stdout.buffer, extract(), width=120, sort_output=True, include_lineno=False)
    elif command == "update":
        update()
    elif command == "compile":
        compile_catalogues()
    missing = (
        {language: untranslated(language) for language in translated_languages()}
        if command in ("update", "check")
        else {}
    )
    for language, texts in missing.items():
        for text in texts:
            sys.stdout.write(f"{language}: {text!r} is not translated\n")
    return 1 if command == "check" and any(missing.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
