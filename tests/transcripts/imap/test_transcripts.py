from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.imap_house import House, message
from tests.transcripts.dialogue import Memory, read

HERE = Path(__file__).parent
ARRIVED = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda p: p.stem)
async def test_the_dialogue_goes_as_written(path, tmp_path):
    house = await House(tmp_path).start(tls=True)
    try:
        await Stage(house, path).play()
    finally:
        await house.stop()


class Stage:
    def __init__(self, house, path):
        self._house, self._path = house, path
        self._clients, self._memory = {}, Memory()

    async def play(self):
        steps = read(self._path)
        position = 0
        while position < len(steps):
            step = steps[position]
            position += 1
            if step.kind == "M:":
                self._deliver(step.text)
                continue
            client = await self._client(step.who)
            if step.kind == "S:":
                await self._expect(client, step)
                continue
            content = []
            while position < len(steps) and steps[position].kind == "C>":
                content.append(steps[position].text)
                position += 1
            client.send(self._said(step.text, content))

    def _said(self, text, content):
        text = self._memory.fill(text)
        if not text.endswith("{}"):
            assert not content
            return text.encode() + b"\r\n"
        octets = "".join(f"{line}\r\n" for line in content).encode()
        return text.removesuffix("{}").encode() + b"{%d+}\r\n" % len(octets) + octets + b"\r\n"

    async def _expect(self, client, step):
        if step.text == "(closed)":
            assert await client.closed(), f"{self._path.name}:{step.number}: the server did not hang up"
            return
        if step.text == "(compressed)":
            client.go_on_compressed()
            return
        if step.text == "(plain)":
            await client.go_on_plain()
            return
        line = (await client.line()).decode("utf-8", "backslashreplace")
        assert self._memory.matches(step.text, line), (
            f"{self._path.name}:{step.number}\n  expected {step.text}\n  received {line}"
        )

    def _deliver(self, text):
        where, subject, body = (part.strip() for part in text.split("|"))
        mailbox, _, flags = where.partition(" ")
        raw = message(
            subject,
            body + "\r\n",
            date="Sun, 1 Nov 2026 12:00:00 +0000",
            message_id=f"<{subject.replace(' ', '.')}@example.org>",
        )
        self._house.append(raw, mailbox, flags=tuple(flags.strip("()").split()), internaldate=ARRIVED)

    async def _client(self, who):
        if who not in self._clients:
            self._clients[who] = await self._house.connect()
            greeting = await self._clients[who].line()
            assert greeting.startswith(b"* OK [CAPABILITY ")
        return self._clients[who]
