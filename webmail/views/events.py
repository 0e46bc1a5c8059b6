"""The stream of events of one tab (server-sent events), so that the page moves without being asked to reload."""

import json
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping

from flask import Blueprint, Response, request, stream_with_context
from werkzeug.exceptions import Forbidden, ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from webmail import mail_views
from webmail.connection import connect
from webmail.live import Event, Tab, hub
from webmail.session import desk

blueprint = mail_views.attach(Blueprint("events", __name__, url_prefix="/mail"))
HEARTBEAT_SECONDS = 15.0
LOOK_SECONDS = 1.0
"""How soon a tab that went away gives its place back."""
BEATS = 20
"""After these many silent heartbeats the stream ends; the browser opens it anew, and the session is looked at again."""


@blueprint.get("/events")
def stream() -> BaseResponse:
    """Events until the tab goes away."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden  # T080
    session, settings = mail_views.session(), desk.settings
    tab = hub().open_tab(
        str(session.token_id), lambda: connect(settings, session.address, session.token), owner=session.account_id
    )
    if tab is None:
        raise ServiceUnavailable
    answer = Response(
        stream_with_context(_lines(tab, listener(request.environ))), content_type="text/event-stream; charset=utf-8"
    )
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(tab.close)
    return answer


def listener(environ: Mapping[str, object]) -> Callable[[], bool]:
    """Asks whether the browser still listens. A stream that says nothing would learn it from its next word only."""
    link = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if not isinstance(link, socket.socket) or isinstance(link, ssl.SSLSocket):
        return lambda: True

    poll = select.poll()
    poll.register(link, select.POLLIN)

    def listens() -> bool:
        try:
            # Something to read is another request that waits behind this one, or the end.
            return not poll.poll(0) or bool(link.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    return listens


def _lines(tab: Tab, listens: Callable[[], bool]) -> Iterator[str]:
    yield "retry: 2000\n\nevent: hello\ndata: {}\n\n"
    beats, silent = 0, 0.0
    while beats < BEATS and listens():
        event = tab.get(LOOK_SECONDS)
        if event is None:
            silent += LOOK_SECONDS
            if silent >= HEARTBEAT_SECONDS:
                beats, silent = beats + 1, 0.0
                yield ": still here\n\n"
        else:
            yield written(event)
            if event.name == "signed-out":
                return


def written(event: Event) -> str:
    """An event on the wire: JSON has no bare line ends, so one data line is enough."""
    return f"event: {event.name}\ndata: {json.dumps(event.data, ensure_ascii=True)}\n\n"
