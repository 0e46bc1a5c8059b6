"""The live check of an account before it is stored: step by step, with times, and a remedy where a step fails.

Nothing is changed at the provider: of the one message the header is looked at, and nothing is deleted.
The answer about an address that may not be reached is the same whatever listens there (security.md T051).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from fetcher import connection
from fetcher.connection import Environment, Target
from fetcher.errors import FetchError
from fetcher.link import Link, open_link
from server.config import Settings
from server.log import get_logger
from server.mail import header

T = TypeVar("T")
STEPS = ("name", "connect", "tls", "greeting", "sign-in", "list", "message")
TOTAL_SECONDS = 60.0

log = get_logger("fetcher.check")


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `detail` is the peer's words or a fact; `code` is that of `fetcher.errors` when the step failed."""

    name: str
    ok: bool
    ms: int
    detail: str = ""
    code: str = ""
    sentence: str = ""
    remedy: str = ""


async def check(
    settings: Settings,
    host: str,
    port: int,
    tls: str,
    username: str,
    password: str,
    *,
    protocol: str = "pop3",
    private_ok: bool = False,
    environment: Environment | None = None,
) -> list[Step]:
    """Try everything that a fetch does; the list ends with the first step that fails."""
    found = steps(
        *(settings, host, port, tls, username, password),
        protocol=protocol,
        private_ok=private_ok,
        environment=environment,
    )
    return [step async for step in found]


def check_now(
    settings: Settings, host: str, port: int, tls: str, username: str, password: str, *, private_ok: bool = False
) -> list[Step]:
    """Blocking form of `check`."""
    return asyncio.run(check(settings, host, port, tls, username, password, private_ok=private_ok))


async def steps(
    settings: Settings,
    host: str,
    port: int,
    tls: str,
    username: str,
    password: str,
    *,
    protocol: str = "pop3",
    private_ok: bool = False,
    environment: Environment | None = None,
) -> AsyncIterator[Step]:
    """Yield the steps as they are done, for a page that shows them live."""
    listed = private_ok or host.lower() in {h.lower() for h in settings.source_private_hosts}
    target = Target(host, port, tls, private_ok=listed or settings.is_trial, plain_ok=listed, protocol=protocol)
    environment = environment or Environment(connection.Times(reply=20, connect=10, name=10))
    examination = _Examination(target, username, password, environment)
    try:
        async with asyncio.timeout(TOTAL_SECONDS):
            async for step in examination.steps():
                yield step
    except TimeoutError:
        yield _failed(examination.current, TOTAL_SECONDS, FetchError("time-out"))
    finally:
        examination.close()


class _Examination:
    def __init__(self, target: Target, username: str, password: str, environment: Environment) -> None:
        self._target, self._environment = target, environment
        self._username, self._password = username, password
        self._link: Link | None = None
        self.current = STEPS[0]

    async def steps(self) -> AsyncIterator[Step]:
        for name, act in self._acts():
            self.current = name
            began = time.monotonic()
            try:
                detail = await act()
            except FetchError as error:
                yield _failed(name, time.monotonic() - began, error)
                return
            except Exception:
                log.exception("check_failed", step=name)
                yield _failed(name, time.monotonic() - began, FetchError("internal"))
                return
            if detail is not None:
                yield Step(name, ok=True, ms=_ms(time.monotonic() - began), detail=detail)

    def _acts(self) -> list[tuple[str, Callable[[], Awaitable[str | None]]]]:
        greet = [("greeting", self._greet)]
        secure = [("tls", self._secure)] if self._target.tls == "implicit" else []
        return [
            ("name", self._resolve),
            ("connect", self._connect),
            *secure,
            *greet,
            ("sign-in", self._sign_in),
            ("list", self._list),
            ("message", self._message),
        ]

    async def _resolve(self) -> str:
        self._addresses = await connection.addresses(self._target, self._environment)
        return ", ".join(self._addresses)

    async def _connect(self) -> str:
        wire = await connection.connect(self._target, self._addresses, self._environment)
        self._link = open_link(wire, self._target, self._environment)
        return f"{self._target.host}:{self._target.port}"

    async def _secure(self) -> str:
        await self._opened.secure()
        return self._opened.tls_version

    async def _greet(self) -> str:
        words = await self._opened.greet()
        version = f" ({self._opened.tls_version})" if self._target.tls == "starttls" else ""
        return words[:100] + version

    async def _sign_in(self) -> str:
        await self._opened.sign_in(self._username, self._password)
        return self._opened.abilities

    async def _list(self) -> str:
        survey = await self._opened.survey()
        return f"{survey.count} ({survey.note})" if survey.note else f"{survey.count}"

    async def _message(self) -> str:
        sample = await self._opened.sample()
        await self._opened.finish(())
        return header.split(sample)[0].text("subject")[:80]

    @property
    def _opened(self) -> Link:
        assert self._link is not None  # noqa: S101 - the step before has made it
        return self._link

    def close(self) -> None:
        if self._link is not None:
            self._link.abort()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _failed(name: str, seconds: float, error: FetchError) -> Step:
    trouble = error.trouble
    return Step(name, False, _ms(seconds), error.detail, trouble.code, trouble.sentence, trouble.remedy)
