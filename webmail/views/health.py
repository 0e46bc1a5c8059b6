"""/healthz: whether every role of this installation is ready. Says nothing about people or mail."""

import os

from flask import Blueprint, Response, jsonify

from webmail.session import desk

blueprint = Blueprint("health", __name__)

ROLES = ("web", "mail", "worker")


@blueprint.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 when all roles run and the directory answers, else 503; each role by name."""
    desk.directory.read_now(lambda _: None)
    states = {role: _alive(role) for role in ROLES}
    ready = all(states.values())
    names = {role: "ready" if up else "down" for role, up in states.items()}
    return jsonify(status="ready" if ready else "starting", roles=names), 200 if ready else 503


def _alive(role: str) -> bool:
    """A role says that it is ready by its process id in DATA/run."""
    try:
        os.kill(int((desk.settings.run_dir / f"{role}.pid").read_text("ascii")), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
