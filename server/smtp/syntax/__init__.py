"""The grammar of SMTP: bytes in, values out, and back. Pure: no sockets, no clock, no look-ups."""
