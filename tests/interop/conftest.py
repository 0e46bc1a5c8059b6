"""Fixtures of the tests with foreign programs."""

import pytest

from server.accounts import scram
from server.accounts.credential import Authenticator


@pytest.fixture
def proofs(monkeypatch):
    """The names that somebody proved to be, by SCRAM, in this process."""
    names, check = [], Authenticator.claim

    async def noted(self, claim, **more):
        who = await check(self, claim, **more)
        if isinstance(claim, scram.Answer):
            names.append(claim.username)
        return who

    monkeypatch.setattr(Authenticator, "claim", noted)
    return names
