"""Every error as a page a person can act on: what happened, what to do. Never the text of an exception.

An unforeseen error gets an id that stands on the page and in the log, so that the two can be brought together.
"""

import secrets

from flask import Flask, Response, make_response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from server.log import get_logger
from webmail.error_page import EXPIRED, WORDS, answer

log = get_logger("webmail")


def init_app(app: Flask) -> None:
    """Answer every error of the application from here."""
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    code = error.code or 500
    response = answer(code, *WORDS.get(code, WORDS[500 if code >= 500 else 400]))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _expired(error: CSRFError) -> Response:
    log.warning("csrf_refused", path=request.path, reason=str(error.description))
    return answer(400, *EXPIRED)


def _unforeseen(error: Exception) -> Response:
    number = secrets.token_hex(4)
    log.error("request_failed", id=number, method=request.method, path=request.path, exc_info=error)
    return answer(500, *WORDS[500], number=number)
