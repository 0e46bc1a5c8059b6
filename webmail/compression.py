"""Answers made smaller on their way out, where the browser reads gzip: pages, pieces of pages, styles and scripts.

A list page of 120 kB goes out as 10. Built files never change under their name, so each is compressed once and kept. Streams, files of
mail and small answers go as they are (RFC 9110 §8.4.1.3, §12.5.3).

So does whatever another site asked for: the length of a compressed page tells how much of what the asker put into its address stands
in it besides, and whoever sees lengths on the network could have a page asked for thousands of times (BREACH).
"""

import gzip
import threading

from flask import Flask, Response, request

LEAST = 1_400
"""What fits into one packet gains nothing."""
MOST = 4 * 2**20
LEVEL = 5
KEPT_OCTETS = 4 * 2**20
KINDS = frozenset(
    {"text/html", "text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml"}
)


class Compressor:
    """The after-request hook, and what it has compressed of built files."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}
        self._octets = 0

    def __call__(self, response: Response) -> Response:
        """Compress the answer when that is right and worth it."""
        if not _fits(response):
            return response
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] <= 0:
            return response
        response.direct_passthrough = False
        source = response.response
        octets = response.get_data()
        if callable(close := getattr(source, "close", None)):
            close()  # the file of a built answer, which nobody will read any more
        if not LEAST <= len(octets) <= MOST:
            return response
        is_built = request.endpoint == "static"
        smaller = self._built(request.path, octets) if is_built else gzip.compress(octets, LEVEL, mtime=0)
        response.set_data(smaller)
        response.headers["Content-Encoding"] = "gzip"
        response.headers.pop("Accept-Ranges", None)
        if response.headers.get("ETag"):
            response.headers["ETag"] = response.headers["ETag"].rstrip('"') + '-gz"'
        return response

    def _built(self, path: str, octets: bytes) -> bytes:
        with self._lock:
            found = self._kept.get(path)
        if found is not None:
            return found
        made = gzip.compress(octets, 9, mtime=0)
        with self._lock:
            if path not in self._kept and self._octets + len(made) <= KEPT_OCTETS:
                self._kept[path] = made
                self._octets += len(made)
        return made


def _fits(response: Response) -> bool:
    if response.status_code != 200 or "Content-Encoding" in response.headers or request.method != "GET":
        return False
    is_ours = request.headers.get("Sec-Fetch-Site", "none") in ("same-origin", "none")
    if request.endpoint != "static" and (response.is_streamed or not is_ours):
        return False
    return response.mimetype in KINDS and "attachment" not in response.headers.get("Content-Disposition", "")


def init_app(app: Flask) -> None:
    """Hang it on an application."""
    app.after_request(Compressor())
