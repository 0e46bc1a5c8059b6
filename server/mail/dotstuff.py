"""Dot transparency of SMTP DATA (RFC 5321 §4.5.2) and of POP3 multi-line replies (RFC 1939 §3)."""


def stuff(data: bytes) -> bytes:
    """Every line that begins with a dot gets one more."""
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\n.", b"\n..")


def unstuff(data: bytes) -> bytes:
    """The inverse of `stuff`; the terminating line must be off already."""
    if data.startswith(b"."):
        data = data[1:]
    return data.replace(b"\n.", b"\n")


def transmit(data: bytes) -> bytes:
    """The whole of what goes on the wire: stuffed, closed by a line end, and the line with the single dot."""
    ending = b".\r\n" if not data or data.endswith(b"\r\n") else b"\r\n.\r\n"
    return stuff(data) + ending
