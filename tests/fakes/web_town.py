"""The Internet of a search for settings, beside an application that blocks: a web server on a loop of its own, names that lead to it."""

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import dataclass

from fetcher.discovery.search import Search
from fetcher.discovery.web import Web
from tests.fakes.resolver import FakeResolver
from tests.fakes.web_house import WebHouse
from tests.fetcher.certificates import Authority


@dataclass
class Town:
    house: WebHouse
    names: FakeResolver
    search: Search


@contextmanager
def web_town(folder, domain):
    names = (domain, f"autoconfig.{domain}")
    authority = Authority(folder)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    house = WebHouse(authority.server(*names))
    asyncio.run_coroutine_threadsafe(house.__aenter__(), loop).result(10)
    resolver = FakeResolver(hosts=dict.fromkeys(names, ("127.0.0.1",)))
    world = Web(resolver, allowed=lambda address: address == "127.0.0.1", ports=house.ports, trust=authority.trust)
    try:
        yield Town(house, resolver, Search(world, directory=""))
    finally:
        asyncio.run_coroutine_threadsafe(house.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
