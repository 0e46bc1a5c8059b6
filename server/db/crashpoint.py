"""Named places where a test may kill the process, to prove that nothing is lost or doubled there.

POSTHOUSE_CRASH=name kills at the first visit of that place, name:3 at the third. Without the variable a visit is one
comparison. The signal is SIGKILL: nothing is flushed, closed or rolled back by us, which is the point.
"""

import os
import signal
from dataclasses import dataclass

VARIABLE = "POSTHOUSE_CRASH"


@dataclass(slots=True)
class _Target:
    name: str
    visits_left: int


@dataclass(slots=True)
class _State:
    read: bool = False
    target: _Target | None = None


_state = _State()


def arm(specification: str | None) -> None:
    """Choose the place by `name` or `name:visit`; None disarms."""
    _state.read = True
    if not specification:
        _state.target = None
        return
    name, _, visit = specification.partition(":")
    _state.target = _Target(name, int(visit or 1))


def reach(name: str) -> None:
    """Say that the named place is reached; the process ends here if it is the chosen one."""
    if not _state.read:
        arm(os.environ.get(VARIABLE))
    target = _state.target
    if target is None or target.name != name:
        return
    target.visits_left -= 1
    if target.visits_left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
