"""The process that reads hostile HTML: requests on standard input, answers on standard output, nothing else.

A frame is four octets of length (big-endian) and that much JSON. The process holds no secret, opens no file and no socket; who
started it kills it when an answer takes too long. Run as `python -m webmail.sanitize_worker`.
"""

import json
import resource
import struct
import sys
from typing import BinaryIO

from webmail import sanitize

MAX_FRAME = 32 * 2**20
MEMORY_LIMIT = 768 * 2**20


def answer(request: dict[str, object]) -> dict[str, object]:
    """Do one request; whatever goes wrong becomes an answer."""
    try:
        source = str(request["html"])
        if request.get("mode") == "reduce":
            return {"html": sanitize.reduce(source)}
        reading = sanitize.Reading(images=_words(request.get("images")), inline=_words(request.get("inline")))
        found = sanitize.sanitise(source, reading)
    except sanitize.TooNested:
        return {"error": "nested"}
    except (RecursionError, MemoryError):
        return {"error": "resources"}
    except Exception:  # noqa: BLE001 - a hostile body must not end the process; the text is shown instead
        return {"error": "unreadable"}
    return {
        "html": found.html,
        "remote": list(found.remote),
        "trackers": found.trackers,
        "inline": list(found.shown_inline),
        "coloured": found.coloured,
        "height": found.height,
        "cut": found.cut,
    }


def _words(value: object) -> dict[str, str]:
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else {}


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the input ends."""
    while len(head := source.read(4)) == 4:
        (size,) = struct.unpack(">I", head)
        if size > MAX_FRAME:
            return
        body = source.read(size)
        if len(body) < size:
            return
        reply = json.dumps(answer(json.loads(body))).encode()
        sink.write(struct.pack(">I", len(reply)) + reply)
        sink.flush()


def main() -> None:
    """Entry point of the process."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
