"""A mail role in a process of its own, to be killed."""

import asyncio
import multiprocessing
import signal
from pathlib import Path

from server import log
from server.db.crashpoint import arm
from tests.fakes.mail_house import MailHouse

# A server process that has imported everything forks the roles: importing takes longer than a test.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])


def run(data, offset, crash, up):
    async def main():
        log.configure(level="error")
        house = MailHouse(Path(data), port_offset=offset)
        await house.start()
        # Only now: making the databases passes the same places.
        arm(crash)
        up.send(True)
        await asyncio.Event().wait()

    asyncio.run(main())


class MailRole:
    """Runs from when it is made. With `crash` it kills itself there."""

    def __init__(self, data, offset, crash=None):
        up, down = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=run, args=(str(data), offset, crash, down))
        self._process.start()
        down.close()
        assert up.recv()
        up.close()

    def killed_itself(self):
        self._process.join(timeout=20)
        return self._process.exitcode == -signal.SIGKILL

    def kill(self):
        self._process.kill()
        self._process.join(timeout=20)
        self._process.close()
