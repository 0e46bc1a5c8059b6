from server.delivery.check import Subject, run_all
from server.delivery.checks.loop import LoopCheck
from server.delivery.envelope import Envelope, SessionInfo
from server.delivery.verdict import Action, CheckResult


class Says:
    def __init__(self, name, action, profiles=("smtp", "fetched")):
        self.name, self.profiles = name, frozenset(profiles)
        self._action = action
        self.asked = 0

    async def run(self, _subject):
        self.asked += 1
        return CheckResult(self.name, self._action)


def subject(raw=b"", profile="smtp"):
    return Subject(Envelope("", ("a@b.test",)), SessionInfo("", "", None, None, "SMTP"), raw, profile)


async def test_in_order_up_to_the_first_that_rejects():
    checks = [Says("a", Action.JUNK), Says("b", Action.REJECT), Says("c", Action.ACCEPT)]
    assert [f.check for f in await run_all(checks, subject())] == ["a", "b"]
    assert checks[2].asked == 0


async def test_only_where_it_applies():
    check = Says("a", Action.REJECT, profiles=("smtp",))
    assert await run_all([check], subject(profile="fetched")) == []
    assert check.asked == 0


async def test_loop():
    check = LoopCheck(limit=3)
    hop = b"Received: from a by b; Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    body = b"\r\nReceived: in the body does not count\r\n"
    assert (await check.run(subject(hop * 3 + body))).action is Action.ACCEPT
    refused = await check.run(subject(b"Subject: x\r\n" + hop * 4 + body))
    assert (refused.action, refused.code, refused.enhanced) == (Action.REJECT, 554, "5.4.6")
    assert "import" not in check.profiles
