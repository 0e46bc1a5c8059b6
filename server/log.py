"""Structured log lines on standard error.

Invariants: a line stays a line (control characters from peers are escaped, security.md T103), and a value whose name says
that it is a secret is never written. Message bodies are not logged by anybody; nothing here could tell them apart.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

if "rich" in sys.modules:
    import structlog
else:
    # structlog imports rich where there is one, for tracebacks that we do not print: 7 MB and 0.2 s in each of five processes.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del sys.modules["rich"]

SECRET_WORDS = ("password", "secret", "token", "authorization", "cookie", "credential")
VALUE_LIMIT = 500
"""Characters of one value that are kept; a peer must not fill the disk by its greeting."""


def _printable(value: object) -> object:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if not isinstance(value, str):
        return value
    cut = value if len(value) <= VALUE_LIMIT else value[:VALUE_LIMIT] + "…"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in cut)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape every value and blank the secret ones (a structlog processor)."""
    for key, value in event.items():
        if key in ("exc_info", "exception"):
            continue
        lowered = key.lower()
        event[key] = "***" if any(word in lowered for word in SECRET_WORDS) else _printable(value)
    return event


def configure(*, level: str = "info", json: bool = False) -> None:
    """Set up logging for a process. Called once by each role, never at import."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The pretty form prints the local variables of every frame, passwords and keys among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.format_exc_info if json else _keep,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _keep(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return event


def get_logger(name: str) -> Any:
    """Return a logger whose lines carry `source=name`."""
    return structlog.get_logger(source=name)
