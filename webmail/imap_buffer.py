"""What a buffered reader holds that its socket does not show any more."""

import ssl
from io import BufferedReader
from socket import socket


def has_unread(link: socket, reader: BufferedReader) -> bool:
    """Tell whether something was read from the socket, or can be without waiting, that nobody has looked at."""
    patience = link.gettimeout()
    link.settimeout(0)
    try:
        return bool(reader.peek(1))
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    finally:
        link.settimeout(patience)
