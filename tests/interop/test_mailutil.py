"""mailutil of the University of Washington: c-client, the library of alpine and of PHP's imap functions, with nothing around it."""

import asyncio
import os
import pty

import pytest

from tests.fakes.imap_house import PASSWORD, House, message

pytestmark = pytest.mark.interop
SECONDS = 60


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def mailutil(folder, *arguments, code=0):
    """Run it on a terminal of its own, where it asks for the password."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *("mailutil", *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"},
    )
    os.close(theirs)
    said, answered = b"", 0
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    piece = await loop.run_in_executor(None, os.read, ours, 4096)
                except OSError:  # the other end of the terminal is closed
                    break
                said += piece
                if said.lower().count(b"password:") > answered:
                    answered += 1
                    os.write(ours, PASSWORD.encode() + b"\n")
            ended = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
    assert ended == code, said
    return said.decode()


async def test_copy_append_and_prune(house, tmp_path):
    for number in range(3):
        house.append(message(f"Letter {number}"), flags=("\\Flagged",) if number else ())
    far = f"{{127.0.0.1:{house.port}/imap/notls/user=ann@example.org}}"
    assert "3 recent" not in await mailutil(tmp_path, "check", f"{far}INBOX")
    await mailutil(tmp_path, "create", f"{far}Kept")
    await mailutil(tmp_path, "copy", f"{far}INBOX", f"{far}Copies")
    await mailutil(tmp_path, "append", f"{far}INBOX", f"{far}Kept")
    await mailutil(tmp_path, "prune", f"{far}INBOX", "FLAGGED", code=1)  # it ends so when all went well
    client = await house.signed_in()
    for name, count in (("INBOX", 1), ("Copies", 3), ("Kept", 3)):
        assert await client.ok(f"STATUS {name} (MESSAGES)") == [f'* STATUS "{name}" (MESSAGES {count})'.encode()]
    await client.ok("SELECT Kept")
    assert await client.ok("SEARCH FLAGGED") == [b"* SEARCH 2 3"]
    bodies = await client.ok("FETCH 1 (BODY.PEEK[])")
    assert message("Letter 0") in bodies[0]
    await mailutil(tmp_path, "delete", f"{far}Copies")
    _, status = await client.ask("STATUS Copies (MESSAGES)")
    assert status.startswith(b"NO [NONEXISTENT]")
