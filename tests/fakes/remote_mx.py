"""A mail server at the other end that does what the test tells it, and remembers every octet it was sent.

Its answers are scripted per stage: `greeting`, `ehlo`, `starttls`, `auth`, `mail`, `rcpt`, `data`, `dot`, `quit`. A step is octets
to send, or one of `HANG` (say nothing more), `DROP` (close the line). A list gives the answers of one stage in order; the last
one stays. `rcpt` may be a function of the address.
"""

import asyncio
import ssl

HANG = object()
DROP = object()
DRIP = object()
"""One octet at a time, for ever."""


class RemoteMx:
    def __init__(
        self,
        *,
        extensions=("8BITMIME", "SIZE 1000000", "ENHANCEDSTATUSCODES", "DSN"),
        tls=None,
        implicit_tls=False,
        **steps,
    ):
        self.extensions, self.tls, self.implicit_tls = list(extensions), tls, implicit_tls
        self.steps = steps
        self.connections = 0
        self.received: list[bytearray] = []
        """Everything that came, per connection."""
        self.messages: list[tuple[str, list[str], bytes]] = []
        """(MAIL argument, RCPT arguments, octets after unstuffing) of each message that ended with a dot."""
        self.commands: list[str] = []
        self.secured = 0
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self.tls if self.implicit_tls else None, limit=2**22
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        self.received.append(bytearray())
        dialogue = _Dialogue(self, reader, writer, len(self.received) - 1)
        try:
            await dialogue.run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError):
            pass
        except asyncio.CancelledError:
            # The server is ending; asyncio.streams would report the cancellation as an error.
            pass
        finally:
            self._tasks.discard(task)
            dialogue.writer.close()

    def step(self, stage, default, *args):
        found = self.steps.get(stage, default)
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return found(*args) if callable(found) else found


class _Dialogue:
    def __init__(self, mx, reader, writer, index):
        self.mx, self.reader, self.writer, self.index = mx, reader, writer, index
        self.mail, self.rcpts = None, []
        self.secure = mx.implicit_tls

    async def answer(self, stage, default, *args):
        step = self.mx.step(stage, default, *args)
        if step is DROP:
            raise ConnectionResetError
        if step is HANG:
            await asyncio.Event().wait()
        if step is DRIP:
            self.writer.write(b"250-")
            while True:
                self.writer.write(b"x")
                await self.writer.drain()
                await asyncio.sleep(0.02)
        self.writer.write(step)
        await self.writer.drain()
        return step

    async def line(self):
        line = await self.reader.readline()
        if not line:
            raise ConnectionResetError
        self.mx.received[self.index] += line
        return line

    async def run(self):
        await self.answer("greeting", b"220 mx.test ESMTP\r\n")
        while True:
            line = await self.line()
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            self.mx.commands.append(text)
            verb = text.split(" ")[0].upper()
            if verb == "QUIT":
                await self.answer("quit", b"221 bye\r\n")
                return
            await getattr(self, "do_" + verb.lower(), self.unknown)(text)

    async def unknown(self, text):
        self.writer.write(b"500 5.5.2 unknown command\r\n")

    async def do_ehlo(self, text):
        names = self.mx.extensions + (["STARTTLS"] if self.mx.tls and not self.secure else [])
        lines = ["mx.test", *names]
        reply = "".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}\r\n" for i, line in enumerate(lines))
        await self.answer("ehlo", reply.encode())

    async def do_helo(self, text):
        self.writer.write(b"250 mx.test\r\n")

    async def do_starttls(self, text):
        step = await self.answer("starttls", b"220 go\r\n")
        if step.startswith(b"220"):
            await self.writer.start_tls(self.mx.tls)
            self.secure = True
            self.mx.secured += 1

    async def do_auth(self, text):
        await self.answer("auth", b"235 2.7.0 welcome\r\n")

    async def do_rset(self, text):
        self.mail, self.rcpts = None, []
        self.writer.write(b"250 ok\r\n")

    async def do_mail(self, text):
        step = await self.answer("mail", b"250 2.1.0 ok\r\n")
        if step.startswith(b"2"):
            self.mail, self.rcpts = text[5:], []

    async def do_rcpt(self, text):
        address = text.split("<", 1)[1].split(">", 1)[0]
        step = await self.answer(
            "rcpt", b"250 2.1.5 ok\r\n", *([address] if callable(self.mx.steps.get("rcpt")) else [])
        )
        if step.startswith(b"2"):
            self.rcpts.append(text[5:])

    async def do_data(self, text):
        step = await self.answer("data", b"354 go ahead\r\n")
        if not step.startswith(b"354"):
            return
        body = bytearray()
        while (line := await self.line()) != b".\r\n":
            body += line[1:] if line.startswith(b".") else line
            if self.mx.steps.get("body") is DROP:
                raise ConnectionResetError
            if self.mx.steps.get("body") is HANG:
                await asyncio.Event().wait()
        self.mx.messages.append((self.mail, self.rcpts, bytes(body)))
        await self.answer("dot", b"250 2.0.0 queued as 42\r\n")
        self.mail, self.rcpts = None, []
