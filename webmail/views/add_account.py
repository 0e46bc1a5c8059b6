"""Adding an outside account in three steps: sign-in and live check, choices, first import.

The password typed in the first step waits sealed in the form cookie for the second; it is stored only when the account is made. It goes
to no server that was not on the page before it was sent: of the search's answers only our own table's are used unseen.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from flask import (
    Blueprint,
    Response,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from fetcher import providers
from fetcher.account import PROTOCOLS, STANDARD_PORTS, TLS_CHOICES, NewSource, SourceInvalid
from fetcher.discovery.offer import Found, Offer, Origin
from webmail import sealed_form, source_check, source_search, sources
from webmail.session import desk
from webmail.views.accounts import COLOUR_WORDS, TLS_WORDS

blueprint = Blueprint("add_account", __name__, url_prefix="/mail/accounts/add")

KEY = "add_source"
LINES = "application/x-ndjson"
PASSWORD_LIMIT = 1_024


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form knows about the account so far. Everything but the password."""

    address: str = ""
    username: str = ""
    host: str = ""
    port: str = "995"
    tls: str = "implicit"
    protocol: str = "pop3"

    def by_hand(self, found: Found | None) -> bool:
        """The server fields differ from what was found, or nothing was."""
        return found is None or (bool(self.host) and self.host not in {o.host for o in found.offers})


def _typed() -> Draft:
    form = request.form
    return Draft(**{f.name: sources.text(form, f.name) for f in fields(Draft)})


def _completed(draft: Draft, found: Found | None) -> Draft:
    """Fill what was found into fields that are empty or belong to another provider."""
    tls = draft.tls if draft.tls in TLS_CHOICES else "implicit"
    protocol = draft.protocol if draft.protocol in PROTOCOLS else "pop3"
    if found is not None and found.offers:
        known = found.preset
        if not draft.host or (known is not None and providers.by_host(draft.host) not in (None, known)):
            return _filled(draft, found.offers[0])
        if wanted := _other_protocol(draft, found):
            return _filled(draft, wanted)
    username = draft.username or draft.address
    return Draft(draft.address, username, draft.host, _port(draft.port, protocol, tls), tls, protocol)


def _other_protocol(draft: Draft, found: Found) -> Offer | None:
    """Whoever picks the other protocol and leaves the server of the first means the server that was found for it."""
    wanted = found.offer(draft.protocol)
    others = {(o.host, str(o.port)) for o in found.offers if o.protocol != draft.protocol}
    return wanted if wanted and (draft.host, draft.port) in others else None


def _filled(draft: Draft, offer: Offer) -> Draft:
    name = offer.username_for(draft.address)
    return Draft(draft.address, name, offer.host, str(offer.port), offer.tls, offer.protocol)


def _port(typed: str, protocol: str, tls: str) -> str:
    """Whoever picks another protocol means its port, too, unless the port is one of their own."""
    elsewhere = {str(p) for name, ports in STANDARD_PORTS.items() if name != protocol for p in ports.values()}
    return typed if typed and typed not in elsewhere else str(STANDARD_PORTS[protocol][tls])


@blueprint.get("/")
def address() -> BaseResponse:
    """Type the address; the rest is found."""
    return _page(_kept(), checked=None, problems={})


@blueprint.get("/provider")
def provider() -> BaseResponse:
    """The part below the address, while it is typed; what has to be searched for is asked for by it."""
    draft = Draft(address=sources.text(request.args, "address"))
    found, searching = source_search.search().known(draft.address)
    page = render_template(
        "accounts/provider.html",
        draft=_completed(draft, found),
        problems={},
        tls_words=TLS_WORDS,
        **_described(draft, found, searching=searching),
    )
    return make_response(page)


@blueprint.get("/settings")
def settings() -> BaseResponse:
    """What the search has found, for the place above the server fields."""
    draft = Draft(address=sources.text(request.args, "address"))
    found = source_search.search().find(draft.address)
    return make_response(
        render_template("accounts/found.html", draft=draft, **_described(draft, found, searching=False))
    )


@blueprint.post("/")
def check() -> BaseResponse:
    """Check live. A script gets a line after each step, a browser without one the finished page."""
    typed = _typed()
    search = source_search.search()
    # Without scripts nobody has asked yet.
    found = search.known(typed.address)[0] if typed.host else search.find(typed.address)
    draft = _completed(typed, found)
    password = request.form.get("password", "")[:PASSWORD_LIMIT]
    is_ours = found is not None and found.origin is Origin.ADDRESS
    if not draft.host or not password or not (is_ours or draft.host == typed.host):
        return _page(draft, checked=None, problems={}, status=200 if "@" in draft.address else 400)
    # Kept before the answer begins, since a stream cannot set a cookie afterwards.
    form_session[KEY] = {**asdict(draft), "sealed": sealed_form.seal(password, KEY)}
    reports = source_check.run(
        *(desk.settings, draft.host, sources.port(draft.port), draft.tls, draft.username, password),
        protocol=draft.protocol,
    )
    if request.headers.get("Accept") != LINES:
        *_earlier, last = reports
        return _page(draft, checked=last, problems={})
    lines = (json.dumps({"html": _report(draft, report, found)}) + "\n" for report in reports)
    return Response(stream_with_context(lines), mimetype=LINES, headers={"X-Accel-Buffering": "no"})


def _described(draft: Draft, found: Found | None, *, searching: bool) -> dict[str, object]:
    """What the place above the server fields shows; the offers are for the script that fills the fields."""
    offers = (
        [{**asdict(offer), "username": offer.username_for(draft.address)} for offer in found.offers] if found else []
    )
    return {"found": found, "offers": offers, "searching": searching, "origins": source_search.ORIGINS}


def _report(draft: Draft, report: source_check.Report, found: Found | None) -> str:
    return render_template("accounts/check.html", draft=draft, report=report, steps=source_check.STEPS, found=found)


def _kept() -> Draft:
    stored = form_session.get(KEY)
    if not isinstance(stored, dict):
        return Draft()
    return Draft(**{f.name: str(stored.get(f.name, ""))[: sources.FIELD_LIMIT] for f in fields(Draft)})


def _page(
    draft: Draft, *, checked: source_check.Report | None, problems: dict[str, str], status: int = 200
) -> Response:
    found, searching = source_search.search().known(draft.address)
    page = render_template(
        "accounts/add.html",
        **_described(draft, found, searching=searching and not draft.host),
        draft=draft,
        report=checked,
        steps=source_check.STEPS,
        problems=problems,
        tls_words=TLS_WORDS,
        step=0,
    )
    return make_response(page, status)


@blueprint.route("/choices", methods=["GET", "POST"])
def choices() -> BaseResponse:
    """Folder, name, colour, and whether the provider keeps its copy."""
    draft = _kept()
    stored = form_session.get(KEY)
    password = sealed_form.unseal(str(stored.get("sealed", "")), KEY) if isinstance(stored, dict) else None
    if not draft.host or password is None:
        return redirect(url_for("add_account.address"))
    if request.method == "GET":
        found, _searching = source_search.search().known(draft.address)
        is_ours = found is not None and found.origin is Origin.ADDRESS
        name = found.label if found and is_ours else draft.address.rpartition("@")[2] or draft.host
        values = {
            "name": name,
            "folder": "inbox",
            "mailbox": name.replace("/", " "),
            "colour": _free_colour(),
            "leave": True,
        }
        return _choices_page(draft, values, {})
    return _create(draft, password)


def _free_colour() -> str:
    """The first hue that none of the person's accounts has."""
    used = {source.colour for source in sources.mine()}
    return next(
        (hue for hue in ("amber", "blue", "violet", "green", "rose", "coral", "olive") if hue not in used), "slate"
    )


def _create(draft: Draft, password: str) -> BaseResponse:
    form = request.form
    values = {
        "name": sources.text(form, "name"),
        "folder": "own" if form.get("folder") == "own" else "inbox",
        "mailbox": sources.text(form, "mailbox"),
        "colour": form.get("colour", "") if form.get("colour", "") in sources.COLOURS else "slate",
        "leave": form.get("leave") != "no",
    }
    new = NewSource(
        account_id=g.session.account_id,
        recipient=g.session.address,
        host=draft.host,
        port=sources.port(draft.port),
        tls=draft.tls,
        username=draft.username,
        protocol=draft.protocol,
        name=str(values["name"]),
        address=draft.address,
        mailbox=str(values["mailbox"]) if values["folder"] == "own" else "INBOX",
        colour=str(values["colour"]),
        leave=bool(values["leave"]),
    )
    try:
        source_id = sources.create(new, password)
    except SourceInvalid as error:
        return _choices_page(draft, values, sources.problem(error), status=400)
    form_session.pop(KEY, None)
    flash(_("The account is added. The first import has begun."), "done")
    return redirect(url_for("accounts.show", source_id=source_id))


def _choices_page(
    draft: Draft, values: Mapping[str, object], problems: dict[str, str], *, status: int = 200
) -> Response:
    page = render_template(
        "accounts/choices.html", draft=draft, values=values, problems=problems, colour_words=COLOUR_WORDS, step=1
    )
    return make_response(page, status)
