"""An LMTP server that keeps what it gets by envelope id, as ours does, and can be made to refuse."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Mailbox:
    """What was delivered: envelope id to octets. `repeated` counts second deliveries of an id."""

    stored: dict[str, bytes] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    repeated: Counter = field(default_factory=Counter)
    parameters: list[dict[str, str]] = field(default_factory=list)


@dataclass
class LmtpManners:
    rcpt: str = "250 2.1.5 ok"
    data: str = "250 2.0.0 Delivered"
    refuse_subject: dict[bytes, str] = field(default_factory=dict)
    pipelining: bool = True
    drop_after_data: bool = False
    close_after: int | None = None
    pause: float = 0.0


class LmtpServer:
    def __init__(self, mailbox: Mailbox | None = None, manners: LmtpManners | None = None) -> None:
        self.mailbox, self.manners = mailbox or Mailbox(), manners or LmtpManners()
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=2**27)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here LMTP\r\n")
        parameters: dict[str, str] = {}
        accepted, done = False, 0
        while line := await reader.readline():
            text = line.decode().rstrip("\r\n")
            verb = text.split(" ")[0].upper()
            if verb == "LHLO":
                extra = "250-PIPELINING\r\n" if self.manners.pipelining else ""
                writer.write(f"250-here\r\n{extra}250-8BITMIME\r\n250 SIZE 99999999\r\n".encode())
            elif verb == "MAIL":
                parameters = dict(w.split("=", 1) for w in text.split(" ")[2:])
                parameters["from"] = text.split(" ")[1]
                writer.write(b"250 2.1.0 ok\r\n")
            elif verb == "RCPT":
                accepted = self.manners.rcpt.startswith("2")
                writer.write(self.manners.rcpt.encode() + b"\r\n")
            elif verb == "DATA" and not accepted:
                writer.write(b"503 5.5.1 no recipients\r\n")
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                raw = await self._data(reader)
                if self.manners.drop_after_data:
                    self._keep(parameters, raw)
                    return
                await asyncio.sleep(self.manners.pause)
                answer = next((a for s, a in self.manners.refuse_subject.items() if s in raw), self.manners.data)
                if answer.startswith("2"):
                    self._keep(parameters, raw)
                writer.write(answer.encode() + b"\r\n")
                done += 1
                if done == self.manners.close_after:
                    return
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 ok\r\n")

    async def _data(self, reader: asyncio.StreamReader) -> bytes:
        raw = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
        return raw.replace(b"\r\n.", b"\r\n").removeprefix(b".")

    def _keep(self, parameters: dict[str, str], raw: bytes) -> None:
        envelope_id = parameters["ENVID"]
        self.mailbox.parameters.append(parameters)
        if envelope_id in self.mailbox.stored:
            self.mailbox.repeated[envelope_id] += 1
            return
        self.mailbox.stored[envelope_id] = raw
        self.mailbox.order.append(envelope_id)
