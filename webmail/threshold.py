"""Between the password and the code: who stands there, and which browsers need not stop.

Invariants: the ticket holds no secret, opens nothing, and is worth nothing after ten minutes, after a new password, or on its own:
a code is still due. It is sealed and HttpOnly, so neither reader nor script learns or changes who stands there. A browser is
remembered for one account each; its cookie replaces the code, never the password (security.md T061).
"""

import json
import time
from dataclasses import asdict, dataclass

from flask import Response, request

from server.accounts import remembered_device
from server.accounts.account import Account, by_id
from server.accounts.signed_in import Proof, SignedIn, still_the_password
from server.db.transaction import Reader, Writer
from webmail import sealed_form
from webmail.session import desk, device_label, is_secure

COOKIE = "posthouse_threshold"
COOKIE_PATH = "/mail/sign-in"
PURPOSE = "sign-in"
SECONDS = 600
DEVICE_COOKIE = "posthouse_device_"
DEVICE_PATH = "/mail"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the visitor asked for with the password: where to go, and how long to stay."""

    target: str
    stay: bool
    zone: str


def enter(response: Response, signed: SignedIn, wish: Wish) -> None:
    """Let somebody whose password was right come as far as the code."""
    ticket = {
        "account": signed.account.id,
        "proof": signed.proof.password.hex(),
        "until": int(time.time()) + SECONDS,
        "wish": asdict(wish),
    }
    response.set_cookie(
        COOKIE,
        sealed_form.seal(json.dumps(ticket), PURPOSE),
        max_age=SECONDS,
        secure=is_secure(),
        httponly=True,
        samesite="Lax",
        path=COOKIE_PATH,
    )


def waiting() -> tuple[Account, Wish] | None:
    """Return who stands there, or None: nobody, for too long, or with a password that is another one by now."""
    text = sealed_form.unseal(request.cookies.get(COOKIE, ""), PURPOSE)
    if text is None:
        return None
    ticket = json.loads(text)
    if ticket["until"] < time.time():
        return None
    proof = Proof(ticket["account"], password=bytes.fromhex(ticket["proof"]))
    account = desk.directory.read_now(lambda r: _still(r, proof))
    return None if account is None else (account, Wish(**ticket["wish"]))


def _still(r: Reader, proof: Proof) -> Account | None:
    return by_id(r, proof.account) if still_the_password(r, proof) else None


def leave(response: Response) -> None:
    """Take the ticket back."""
    response.delete_cookie(COOKIE, path=COOKIE_PATH, secure=is_secure(), httponly=True, samesite="Lax")


def remember(account: Account, response: Response) -> None:
    """Ask this browser for no code for thirty days."""
    label, peer = device_label(request.user_agent.string), request.remote_addr or ""
    old = this_device(account.id)

    def change(w: Writer) -> str:
        if old is not None:
            remembered_device.forget(w, account.id, old)
        return remembered_device.remember(w, account.id, label=label, peer=peer)

    response.set_cookie(
        f"{DEVICE_COOKIE}{account.id}",
        desk.directory.write_now(change),
        max_age=remembered_device.LIFETIME,
        secure=is_secure(),
        httponly=True,
        samesite="Lax",
        path=DEVICE_PATH,
    )


def this_device(account_id: int) -> int | None:
    """Return the id under which this browser is remembered for an account, if it is."""
    secret = request.cookies.get(f"{DEVICE_COOKIE}{account_id}", "")
    return desk.directory.read_now(lambda r: remembered_device.find(r, account_id, secret)) if secret else None


def recognised(account: Account) -> bool:
    """Tell whether this browser needs no code for the account, and note that it came."""
    device_id = this_device(account.id)
    if device_id is None:
        return False
    desk.directory.write_now(lambda w: remembered_device.touch(w, device_id, request.remote_addr or ""))
    return True
