"""How much of one command is kept, before and after sign-in (security T113, T115, T116)."""

from server.config import Limits
from server.imap.syntax.fragment import FragmentLimits


def limits_before_login(limits: Limits) -> FragmentLimits:
    return FragmentLimits(
        line=limits.command_line,
        literal=limits.literal_before_login,
        append_literal=limits.literal_before_login,
        command=2 * limits.literal_before_login,
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
