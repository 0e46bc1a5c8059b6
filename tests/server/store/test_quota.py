from server.store import copy, quota
from tests.fakes.mail_account import MailAccount, letter


def test_usage_counts_each_placement(account: MailAccount):
    assert account.read(quota.usage) == quota.Usage(0, 0, None)
    account.append(letter("a"))
    account.write(lambda w: copy.copy(w, 1, [1], 2))
    account.write(lambda w: quota.set_limit(w, 10_000))
    assert account.read(quota.usage) == quota.Usage(2 * len(letter("a")), 2, 10_000)
