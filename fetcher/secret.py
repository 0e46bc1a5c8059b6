"""The passwords of outside accounts, sealed (`server.seal`): each opens for its own source alone.

Invariant: whatever is the matter with the key is a FetchError, which the page of the account shows with its remedy.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fetcher.errors import FetchError
from server import seal


class Keyring:
    """The keys of one installation, for the passwords of sources."""

    def __init__(self, path: Path) -> None:
        self._ring = seal.Keyring(path)

    def seal(self, plain: str, *, account_id: int, source_id: int) -> bytes:
        """Seal under the newest key; the key file is made if there is none.

        Raises:
            FetchError: The key file exists and cannot be used.
        """
        with _said():
            return self._ring.seal(plain.encode(), purpose=_purpose(account_id, source_id))

    def open(self, sealed: bytes, *, account_id: int, source_id: int) -> str:
        """Open what was sealed for this very source.

        Raises:
            FetchError: The key is missing, is another one, or the value was changed.
        """
        with _said():
            return self._ring.open(sealed, purpose=_purpose(account_id, source_id)).decode()

    def opens(self, sealed: bytes) -> bool:
        """Tell whether the key that sealed this is here."""
        return self._ring.opens(sealed)

    def current_id(self) -> bytes | None:
        """Return the id of the key that seals, or None when there is no key yet."""
        with _said():
            return self._ring.current_id()


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except seal.KeyMissing as error:
        raise FetchError("secret-key-missing") from error
    except seal.KeyWrong as error:
        raise FetchError("secret-key-wrong") from error
    except seal.KeyUnusable as error:
        raise FetchError("secret-key-unusable", str(error)) from error


def _purpose(account_id: int, source_id: int) -> str:
    return f"source:{account_id}:{source_id}"
