from pathlib import Path

import pytest

from tests.fakes.pop3_house import open_house
from tests.transcripts.dialogue import Memory, read

HERE = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda p: p.stem)
async def test_the_dialogue_goes_as_written(path, tmp_path):
    async with open_house(tmp_path) as house:
        clients, memory = {}, Memory()
        for step in read(path):
            if step.kind == "M:":
                subject, _, body = step.text.partition("|")
                lines = [f"Subject: {subject.strip()}", "", *body.strip().split("\\n")]
                await house.fill("".join(f"{line}\r\n" for line in lines).encode())
                continue
            if step.who not in clients:
                clients[step.who] = await house.connect()
            client = clients[step.who]
            where = f"{path.name}:{step.number}"
            if step.kind == "C:":
                client.writer.write(memory.fill(step.text).encode() + b"\r\n")
            elif step.text == "(closed)":
                assert await client.ended(), f"{where}: the server did not hang up"
            else:
                line = (await client.line()).decode("utf-8", "backslashreplace").removesuffix("\r\n")
                assert memory.matches(step.text, line), f"{where}\n  expected {step.text}\n  received {line}"
