"""How much of one command is kept, before and after sign-in (security T113, T115, T116)."""

from server.config import Limits
from server.imap.syntax.fragment import FragmentLimits

ID_LINE = 40 * 1024
"""Octets that an ID may have, which clients send before they sign in: 30 fields of 30 and 1,024 (RFC 2971 §3.3)."""


def limits_before_login(limits: Limits) -> FragmentLimits:
    return FragmentLimits(
        line=max(limits.command_line, ID_LINE),
        literal=limits.literal_before_login,
        append_literal=limits.literal_before_login,
        command=max(2 * limits.literal_before_login, ID_LINE),
        append_command=2 * limits.literal_before_login,
    )


def limits_after_login(limits: Limits, message_size: int) -> FragmentLimits:
    """Long sets of uids and search words are the rule for some clients; messages have their own bound (RFC 7889)."""
    return FragmentLimits(
        line=limits.command_size,
        literal=limits.command_size,
        append_literal=message_size,
        command=4 * limits.command_size,
        append_command=2 * message_size,
    )
