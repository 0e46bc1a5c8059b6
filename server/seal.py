"""Seal and open secrets that must be read again: passwords of outside accounts, keys of second factors and of SCRAM (security.md T142, T143).

AES-256-GCM; the key lies in its own file (0600) beside the databases, so that a copy of the database is worth nothing.
The associated data is what the value is for: a sealed value moved to another row does not open. The key's id is in every
sealed value, so a wrong key is recognised and said, never guessed. The file is made at the first sealing and never
overwritten; it may hold older keys below the first line, which open what they sealed.

Format: one byte version (1), 8 octets key id, 12 octets nonce, ciphertext with tag.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = 1
KEY_SIZE = 32
KEY_ID_SIZE = 8
NONCE_SIZE = 12
FILE_LIMIT = 64 * 1024
_HEAD = 1 + KEY_ID_SIZE + NONCE_SIZE
_FIRST_LINE = b"# Opens the passwords of outside accounts and the second factors. Keep a copy apart from the data.\n"


class SealError(Exception):
    """The key file is not there or cannot be used, or is not the one that sealed a value."""


class KeyMissing(SealError):
    """There is no key file."""


class KeyWrong(SealError):
    """No key here sealed this value, or the value was changed, or it belongs to something else."""


class KeyUnusable(SealError):
    """The key file cannot be read, or holds no key."""


class Keyring:
    """The keys of one installation, read from their file each time: a restored file works at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, plain: bytes, *, purpose: str) -> bytes:
        """Seal under the newest key; the key file is made if there is none. Raises KeyUnusable."""
        keys = self._load(create=True)
        key_id, key = next(iter(keys.items()))
        nonce = secrets.token_bytes(NONCE_SIZE)
        head = bytes([VERSION]) + key_id
        return head + nonce + AESGCM(key).encrypt(nonce, plain, head + purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Open what was sealed for this very purpose. Raises KeyMissing, KeyUnusable, KeyWrong."""
        return _opened(self._load(create=False), sealed, purpose)

    def open_each(self, sealed: Sequence[tuple[bytes, str]]) -> list[bytes | None]:
        """Open several values, each with its purpose; None for those that do not open, whatever the reason."""
        try:
            keys = self._load(create=False)
        except SealError:
            return [None] * len(sealed)
        return [_opened_or_none(keys, value, purpose) for value, purpose in sealed]

    def derived(self, purpose: str) -> bytes:
        """Return 32 octets that only this house can make, of its oldest key, so that a newer one changes nothing.

        Raises KeyMissing, KeyUnusable.
        """
        oldest = list(self._load(create=False).values())[-1]
        return hmac.digest(oldest, b"posthouse derived key:" + purpose.encode(), hashlib.sha256)

    def opens(self, sealed: bytes) -> bool:
        """Tell whether the key that sealed this is here."""
        try:
            return sealed[1 : 1 + KEY_ID_SIZE] in self._load(create=False)
        except SealError:
            return False

    def current_id(self) -> bytes | None:
        """Return the id of the key that seals, or None when there is no key yet. Raises KeyUnusable."""
        try:
            return next(iter(self._load(create=False)))
        except KeyMissing:
            return None

    def _load(self, *, create: bool) -> Mapping[bytes, bytes]:
        try:
            text = self._read()
        except FileNotFoundError as error:
            if not create:
                raise KeyMissing from error
            self._create()
            text = self._read()
        except OSError as error:
            raise KeyUnusable(str(error.strerror)) from error
        return _parse(text)

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
            return file.read(FILE_LIMIT)

    def _create(self) -> None:
        """Write a new key so that it is complete and durable before it has its name, and never replaces another."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        line = base64.b64encode(secrets.token_bytes(KEY_SIZE)) + b"\n"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, _FIRST_LINE)
                os.write(descriptor, line)
                if os.geteuid() == 0:
                    # A command that the administrator ran as root: the key is for whom the data belongs to.
                    owner = self._path.parent.stat()
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.link(temporary, self._path)
            except FileExistsError:
                return
            _fsync_folder(self._path.parent)
        except OSError as error:
            raise KeyUnusable(str(error.strerror)) from error
        finally:
            temporary.unlink(missing_ok=True)


def _opened(keys: Mapping[bytes, bytes], sealed: bytes, purpose: str) -> bytes:
    head, nonce, body = sealed[: 1 + KEY_ID_SIZE], sealed[1 + KEY_ID_SIZE : _HEAD], sealed[_HEAD:]
    key = keys.get(head[1:])
    if len(sealed) <= _HEAD or head[0] != VERSION or key is None:
        raise KeyWrong
    try:
        return AESGCM(key).decrypt(nonce, body, head + purpose.encode())
    except InvalidTag as error:
        raise KeyWrong from error


def _opened_or_none(keys: Mapping[bytes, bytes], sealed: bytes, purpose: str) -> bytes | None:
    try:
        return _opened(keys, sealed, purpose)
    except KeyWrong:
        return None


def _parse(text: bytes) -> dict[bytes, bytes]:
    keys: dict[bytes, bytes] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except binascii.Error as error:
            raise KeyUnusable("not a key") from error
        if len(key) != KEY_SIZE:
            raise KeyUnusable("not a key")
        keys[hashlib.sha256(b"posthouse key id" + key).digest()[:KEY_ID_SIZE]] = key
    if not keys:
        raise KeyUnusable("empty")
    return keys


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
