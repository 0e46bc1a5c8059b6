"""GETQUOTA and GETQUOTAROOT (RFC 9208): one root, the account."""

from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, untagged
from server.store import mailboxes, quota
from server.store.model import Usage

_ROOT = b'""'


def _quota_line(usage: Usage) -> bytes:
    # RFC 9208 §5.1: STORAGE counts in units of 1024 octets. No limit, no resource to list.
    resources = b"" if usage.limit is None else b"STORAGE %d %d" % (-(-usage.octets // 1024), usage.limit // 1024)
    return untagged(b"QUOTA", _ROOT, b"(" + resources + b")")


async def get_quota(ctx: Context, command: c.GetQuota) -> Reply:
    if command.root:
        raise Refusal(Reason.NO_SUCH_QUOTA)
    usage = await ctx.read(quota.usage)
    return Reply("Done", untagged=(_quota_line(usage),))


async def get_quota_root(ctx: Context, command: c.GetQuotaRoot) -> Reply:
    mailbox, usage = await ctx.read(lambda r: (mailboxes.by_name(r, command.mailbox), quota.usage(r)))
    return Reply("Done", untagged=(untagged(b"QUOTAROOT", ctx.format_name(mailbox.name), _ROOT), _quota_line(usage)))
