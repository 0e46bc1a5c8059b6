"""The client's side of SCRAM-SHA-256, written from RFC 5802 alone: nothing of the server's code is in it."""

import base64
import hashlib
import hmac


def _hmac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


class ScramClient:
    """`first`, `final`, then `check`. A test may change `header`, `nonce` or what `final` returns."""

    def __init__(self, name, password, *, nonce="fyko+d2lbbFgONRv9qkxdawL", header="n,,"):
        self.name, self.password, self.nonce, self.header = name, password, nonce, header
        self.bare = f"n={name.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
        self.iterations = None
        self.salt = None

    def first(self):
        return (self.header + self.bare).encode()

    def final(self, server_first, *, nonce=None, header=None, extensions=""):
        fields = dict(part.split("=", 1) for part in server_first.decode("ascii").split(","))
        assert list(fields) == ["r", "s", "i"]
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) >= len(self.nonce) + 16
        self.iterations, self.salt = int(fields["i"]), base64.b64decode(fields["s"], validate=True)
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), self.salt, self.iterations)
        client_key = _hmac(salted, b"Client Key")
        bound = base64.b64encode((self.header if header is None else header).encode()).decode()
        without_proof = f"c={bound},r={nonce or fields['r']}{extensions}"
        said = f"{self.bare},{server_first.decode('ascii')},{without_proof}".encode()
        mask = _hmac(hashlib.sha256(client_key).digest(), said)
        proof = bytes(a ^ b for a, b in zip(client_key, mask, strict=True))
        self._signature = _hmac(_hmac(salted, b"Server Key"), said)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, server_final):
        """The server knows the password, too."""
        assert server_final == b"v=" + base64.b64encode(self._signature)
