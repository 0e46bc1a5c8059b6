"""Seal and open the passwords of outside accounts (security.md T142, T143).

AES-256-GCM; the key lies in its own file (0600) beside the databases, so that a copy of the database is worth nothing.
The associated data is account + source: a sealed value moved to another row does not open. The key's id is in every
sealed value, so a wrong key is recognised and said, never guessed. The file is made at the first sealing and never
overwritten; it may hold older keys below the first line, which open what they sealed.

Format: one byte version (1), 8 octets key id, 12 octets nonce, ciphertext with tag.
"""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fetcher.errors import FetchError

VERSION = 1
KEY_SIZE = 32
KEY_ID_SIZE = 8
NONCE_SIZE = 12
FILE_LIMIT = 64 * 1024
_HEAD = 1 + KEY_ID_SIZE + NONCE_SIZE


class Keyring:
    """The keys of one installation, read from their file each time: a restored file works at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, plain: str, *, account_id: int, source_id: int) -> bytes:
        """Seal under the newest key; the key file is made if there is none.

        Raises:
            FetchError: The key file exists and cannot be used.
        """
        keys = self._load(create=True)
        key_id, key = next(iter(keys.items()))
        nonce = secrets.token_bytes(NONCE_SIZE)
        head = bytes([VERSION]) + key_id
        sealed = AESGCM(key).encrypt(nonce, plain.encode(), _bound(head, account_id, source_id))
        return head + nonce + sealed

    def open(self, sealed: bytes, *, account_id: int, source_id: int) -> str:
        """Open what was sealed for this very source.

        Raises:
            FetchError: The key is missing, is another one, or the value was changed.
        """
        keys = self._load(create=False)
        head, nonce, body = sealed[: 1 + KEY_ID_SIZE], sealed[1 + KEY_ID_SIZE : _HEAD], sealed[_HEAD:]
        key = keys.get(head[1:])
        if len(sealed) <= _HEAD or head[0] != VERSION or key is None:
            raise FetchError("secret-key-wrong")
        try:
            return AESGCM(key).decrypt(nonce, body, _bound(head, account_id, source_id)).decode()
        except InvalidTag as error:
            raise FetchError("secret-key-wrong") from error

    def opens(self, sealed: bytes) -> bool:
        """Tell whether the key that sealed this is here."""
        try:
            return sealed[1 : 1 + KEY_ID_SIZE] in self._load(create=False)
        except FetchError:
            return False

    def current_id(self) -> bytes | None:
        """Return the id of the key that seals, or None when there is no key yet."""
        try:
            return next(iter(self._load(create=False)))
        except FetchError as error:
            if error.code == "secret-key-missing":
                return None
            raise

    def _load(self, *, create: bool) -> Mapping[bytes, bytes]:
        try:
            text = self._read()
        except FileNotFoundError as error:
            if not create:
                raise FetchError("secret-key-missing") from error
            self._create()
            text = self._read()
        except OSError as error:
            raise FetchError("secret-key-unusable", str(error.strerror)) from error
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
                os.write(descriptor, b"# Opens the passwords of outside accounts. Keep a copy apart from the data.\n")
                os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.link(temporary, self._path)
            except FileExistsError:
                return
            _fsync_folder(self._path.parent)
        except OSError as error:
            raise FetchError("secret-key-unusable", str(error.strerror)) from error
        finally:
            temporary.unlink(missing_ok=True)


def _parse(text: bytes) -> dict[bytes, bytes]:
    keys: dict[bytes, bytes] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except binascii.Error as error:
            raise FetchError("secret-key-unusable", "not a key") from error
        if len(key) != KEY_SIZE:
            raise FetchError("secret-key-unusable", "not a key")
        keys[hashlib.sha256(b"posthouse key id" + key).digest()[:KEY_ID_SIZE]] = key
    if not keys:
        raise FetchError("secret-key-unusable", "empty")
    return keys


def _bound(head: bytes, account_id: int, source_id: int) -> bytes:
    return head + f"source:{account_id}:{source_id}".encode()


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
