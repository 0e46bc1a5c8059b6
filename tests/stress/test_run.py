"""Some seeds of the random clients, short enough for every run of the tests; `make stress` takes longer."""

import pytest

from tests.stress.run import Run
from tests.stress.servers import OneProcess, TwoProcesses


@pytest.mark.parametrize("seed", [2, 3, 5])
async def test_many_clients_in_one_process(tmp_path, seed):
    async with OneProcess(tmp_path) as servers:
        await Run(servers, seed=seed, clients=5).go(rounds=3, steps=25)


@pytest.mark.parametrize("seed", [1, 4])
async def test_many_clients_at_two_processes(tmp_path, seed):
    async with TwoProcesses(tmp_path) as servers:
        await Run(servers, seed=seed, clients=5).go(rounds=3, steps=25)
    assert servers.complaints() == ""
