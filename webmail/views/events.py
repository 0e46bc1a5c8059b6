"""The stream of events of one tab (server-sent events), so that the page moves without being asked to reload."""

import json
from collections.abc import Iterator

from flask import Blueprint, Response, request, stream_with_context
from werkzeug.exceptions import Forbidden, ServiceUnavailable
from werkzeug.wrappers import Response as BaseResponse

from webmail import mail_views
from webmail.connection import connect
from webmail.live import Event, Tab, hub
from webmail.session import desk

blueprint = mail_views.attach(Blueprint("events", __name__, url_prefix="/mail"))
HEARTBEAT_SECONDS = 15.0
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
    answer = Response(stream_with_context(_lines(tab)), content_type="text/event-stream; charset=utf-8")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(tab.close)
    return answer


def _lines(tab: Tab) -> Iterator[str]:
    yield "retry: 2000\n\nevent: hello\ndata: {}\n\n"
    beats = 0
    while beats < BEATS:
        event = tab.get(HEARTBEAT_SECONDS)
        if event is None:
            beats += 1
            yield ": still here\n\n"
        else:
            yield written(event)
            if event.name == "signed-out":
                return


def written(event: Event) -> str:
    """An event on the wire: JSON has no bare line ends, so one data line is enough."""
    return f"event: {event.name}\ndata: {json.dumps(event.data, ensure_ascii=True)}\n\n"
