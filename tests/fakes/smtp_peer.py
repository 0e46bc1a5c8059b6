"""The other side of an SMTP connection: sends octets as they are, reads replies, upgrades to TLS."""

import asyncio
import ssl


class Peer:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port, *, tls=False, greet=True):
        context = no_verify() if tls else None
        peer = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))
        if greet:
            assert (await peer.reply()).startswith("220 ")
        return peer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def reply(self) -> str:
        """One reply, its lines joined by newlines; '' when the connection is closed."""
        lines = []
        while True:
            line = await asyncio.wait_for(self.reader.readline(), 20)
            if not line:
                return ""
            assert line.endswith(b"\r\n")
            lines.append(line[:-2].decode("ascii"))
            if lines[-1][3:4] != "-":
                return "\n".join(lines)

    async def say(self, line: str | bytes) -> str:
        await self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return await self.reply()

    async def hello(self, word="EHLO"):
        return await self.say(f"{word} client.test")

    async def transaction(self, sender, *recipients):
        assert (await self.say(f"MAIL FROM:<{sender}>")).startswith("250")
        for recipient in recipients:
            assert (await self.say(f"RCPT TO:<{recipient}>")).startswith("250")

    async def data(self, message: bytes) -> str:
        """`message` must be dot-stuffed and end in CR LF."""
        assert (await self.say("DATA")).startswith("354")
        await self.send(message + b".\r\n")
        return await self.reply()

    async def start_tls(self):
        assert (await self.say("STARTTLS")).startswith("220")
        await self.writer.start_tls(no_verify())

    async def at_end(self) -> bool:
        return await asyncio.wait_for(self.reader.read(), 20) == b""

    async def close(self):
        self.writer.close()


def no_verify():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
