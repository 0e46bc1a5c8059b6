"""What goes with a web session when it ends: its connections to the mail server, and the event streams of its tabs.

Our own mail server ends the connections of a sign-in by itself, in every process; here they go at once, and with a foreign
server too. What another process of the web role holds for a foreign server waits there, out of everybody's reach, until it is old.
"""

from webmail.connection import pool
from webmail.live import hub


def take_down(token_id: int) -> None:
    """Close what this process holds for a session that has ended."""
    key = str(token_id)
    pool().drop(key)
    hub().end(key)
