"""The search for an address's settings, as the page shows it: one search for the process, and where the answers come from in words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from flask import Flask, current_app

from fetcher.discovery.offer import Origin
from fetcher.discovery.search import Search
from fetcher.discovery.web import Web
from server.config import Settings
from server.dns.resolver import SystemResolver
from webmail.i18n import N_

EXTENSION = "posthouse_search"

ORIGINS: Mapping[Origin, str] = MappingProxyType(
    {
        Origin.ADDRESS: N_("Recognised by the address"),
        Origin.PROVIDER: N_("Found by your provider's own settings"),
        Origin.DIRECTORY: N_("Found in a public directory of providers"),
        Origin.DNS: N_("Found in the domain's DNS"),
        Origin.EXCHANGER: N_("Recognised by where the domain's mail goes"),
        Origin.HOST: N_("Found in a public directory, by where the domain's mail goes"),
        Origin.UNPROTECTED: N_("Found by your provider's own settings, over a connection without encryption"),
    }
)


def init_app(app: Flask, settings: Settings) -> None:
    app.extensions[EXTENSION] = Search(Web(SystemResolver()), directory=settings.source_directory)


def search() -> Search:
    return cast("Search", current_app.extensions[EXTENSION])
