"""The word that sign-ins may have ended, for the processes that hold connections open.

Whatever takes away what somebody may have signed in with (a token, a password, the account itself) says so here, in the
transaction that does it; so no caller can forget to. The word carries nothing: whoever hears it looks (`watch`).
"""

from functools import partial

from server.config import RUN_FOLDER
from server.db.transaction import Writer
from server.notify.bus import SIGN_INS, poke_once


def tell(w: Writer) -> None:
    """Poke every running process once this transaction is on the disk; nothing happens when none runs."""
    w.after_commit(partial(poke_once, w.folder / RUN_FOLDER, SIGN_INS))
