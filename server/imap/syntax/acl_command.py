"""The commands about rights as frozen values (RFC 4314 §3)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SetAcl:
    """`rights` are the letters of the standard rights alone; a `sign` adds them or takes them away."""

    mailbox: str
    identifier: str
    sign: Literal["", "+", "-"]
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class GetAcl:
    mailbox: str


@dataclass(frozen=True, slots=True)
class ListRights:
    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class MyRights:
    mailbox: str
