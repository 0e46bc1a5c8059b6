"""GETQUOTA and GETQUOTAROOT (RFC 9208): one root, the account; what is put into another's mailbox counts there."""

from server.db.transaction import Reader
from server.imap.access import Place
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.mailbox_name import DELIMITER
from server.imap.syntax.response import Reply, untagged
from server.store import acl, mailboxes, quota, rights
from server.store.errors import NoSuchMailbox
from server.store.model import Usage


def _root_of(place: Place) -> str:
    """The quota root is the account: the empty name for one's own, the one its mailboxes stand below for another."""
    return "" if place.guest is None else place.guest.prefix.removesuffix(DELIMITER)


def _quota_line(root: bytes, usage: Usage) -> bytes:
    # RFC 9208 §5.1: STORAGE counts in units of 1024 octets. No limit, no resource to list.
    resources = b"" if usage.limit is None else b"STORAGE %d %d" % (-(-usage.octets // 1024), usage.limit // 1024)
    return untagged(b"QUOTA", root, b"(" + resources + b")")


async def get_quota(ctx: Context, command: c.GetQuota) -> Reply:
    if not command.root:
        usage = await ctx.read(quota.usage)
        return Reply("Done", untagged=(_quota_line(b'""', usage),))
    try:
        place = await ctx.locate(command.root + DELIMITER + mailboxes.INBOX)
    except NoSuchMailbox:
        raise Refusal(Reason.NO_SUCH_QUOTA) from None
    guest = place.guest
    if guest is None:
        raise Refusal(Reason.NO_SUCH_QUOTA)

    def look(reader: Reader) -> Usage:
        if not any(rights.READ in held for held in acl.granted(reader, guest.who).values()):
            raise Refusal(Reason.NO_SUCH_QUOTA)
        return quota.usage(reader)

    usage = await ctx.read_at(place, look)
    return Reply("Done", untagged=(_quota_line(ctx.format_name(_root_of(place)), usage),))


async def get_quota_root(ctx: Context, command: c.GetQuotaRoot) -> Reply:
    place = await ctx.locate(command.mailbox)
    mailbox, usage = await ctx.read_at(place, lambda r: (place.mailbox(r, rights.READ), quota.usage(r)))
    root = ctx.format_name(_root_of(place))
    return Reply(
        "Done", untagged=(untagged(b"QUOTAROOT", ctx.format_name(mailbox.name), root), _quota_line(root, usage))
    )
