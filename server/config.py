"""Every setting, in one frozen object, validated once at start.

Sources, later ones win: defaults, a TOML file, POSTHOUSE_* variables, options of the command line. A bad value raises
`SettingError`, which names the key, the value and the remedy. What the set-up wizard and the console set (host name,
domains, accounts) lives in the directory database instead, so that a running system sees it at once.
"""

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

TRIAL_PORT_OFFSET = 2000
PREFIX = "POSTHOUSE_"
MIB = 2**20


class SettingError(ValueError):
    """A setting that cannot be used: which one, what was given, and what would be right."""

    def __init__(self, key: str, value: object, remedy: str) -> None:
        super().__init__(f"Setting {key} = {value!r} cannot be used: {remedy}")
        self.key, self.value, self.remedy = key, value, remedy


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports of the mail role and of the web role."""

    smtp: int
    lmtp: int
    submission: int
    submissions: int
    imap: int
    imaps: int
    pop3: int
    pop3s: int
    web: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what a peer may ask of us. Sizes in octets, times in seconds."""

    connections: int = 10_000
    connections_per_address: int = 200
    connections_per_local_address: int = 5_000
    command_line: int = 8_192
    literal_before_login: int = 8_192
    command_size: int = 64 * 1024
    recipients: int = 100
    received_hops: int = 50
    login_timeout: float = 60
    read_timeout: float = 180
    data_timeout: float = 1_800
    imap_idle_timeout: float = 1_860
    pop3_idle_timeout: float = 600
    write_timeout: float = 300
    source_timeout: float = 60


RUN_FOLDER = "run"
SECRET_KEY_FILE = "secret.key"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration of one installation; `data` is the folder that holds all of its state."""

    data: Path
    bind: str = "127.0.0.1"
    port_offset: int = TRIAL_PORT_OFFSET
    web_port: int = 8080
    lmtp_port: int | None = None
    hostname: str | None = None
    base_url: str | None = None
    message_size_limit: int = 50 * MIB
    virtual_mailboxes: bool = True
    smarthost: str | None = None
    smarthost_username: str | None = None
    smarthost_password: str | None = field(default=None, repr=False)
    routes: Mapping[str, str] = field(default_factory=dict)
    source_private_hosts: tuple[str, ...] = ()
    source_interval: int = 300
    source_directory: str = "https://autoconfig.thunderbird.net/v1.1/"
    trusted_proxies: tuple[str, ...] = ()
    web_workers: int = 1
    web_threads: int = 64
    imap_server: str | None = None
    submission_server: str | None = None
    imap_unauthenticate: bool = True
    log_level: str = "info"
    limits: Limits = field(default_factory=Limits)

    @property
    def run_dir(self) -> Path:
        """Process ids and local sockets."""
        return self.data / RUN_FOLDER

    @property
    def directory_db(self) -> Path:
        return self.data / "directory.db"

    @property
    def accounts_dir(self) -> Path:
        return self.data / "accounts"

    @property
    def queue_dir(self) -> Path:
        return self.data / "queue"

    @property
    def tls_dir(self) -> Path:
        return self.data / "tls"

    @property
    def secret_key_file(self) -> Path:
        """The key that seals other people's passwords: beside the databases, never in them."""
        return self.data / SECRET_KEY_FILE

    @property
    def ports(self) -> Ports:
        o = self.port_offset
        return Ports(
            25 + o, self.lmtp_port or 24 + o, 587 + o, 465 + o, 143 + o, 993 + o, 110 + o, 995 + o, self.web_port
        )

    @property
    def is_loopback(self) -> bool:
        """True where nobody but this machine can connect, so that a password in clear crosses no network."""
        return ipaddress.ip_address(self.bind).is_loopback

    @property
    def is_trial(self) -> bool:
        """True while nobody but this machine's own people use it: no proxy of ours, and no public address, leads others here."""
        return self.is_loopback and not self.trusted_proxies and self.base_url is None

    @property
    def webmail_imap(self) -> tuple[str, int]:
        """Where the webmail reads: our own mail role, or a foreign IMAP server by configuration."""
        return _host_port(self.imap_server) if self.imap_server else (self._own_host, self.ports.imap)

    @property
    def webmail_submission(self) -> tuple[str, int]:
        return _host_port(self.submission_server) if self.submission_server else (self._own_host, self.ports.submission)

    @property
    def _own_host(self) -> str:
        return "127.0.0.1" if ipaddress.ip_address(self.bind).is_unspecified else self.bind


def load(data: Path, *, file: Path | None = None, environ: Mapping[str, str], options: Mapping[str, Any]) -> Settings:
    """Build the settings of one installation.

    Args:
        data: The data folder; `DATA/posthouse.toml` is read when `file` is None and it exists.
        file: A TOML file with the names of `Settings` as keys, `[limits]` and `[routes]` as tables.
        environ: POSTHOUSE_* variables are read from it (POSTHOUSE_LIMITS_RECIPIENTS for a limit).
        options: What the command line gave; None values are ignored.

    Raises:
        SettingError: A key is unknown, or a value has the wrong type or range.
    """
    values: dict[str, Any] = {}
    for source in (_read_file(data, file), _read_environ(environ), options):
        _overlay(values, source)
    values.pop("data", None)
    limits = Limits(**_typed(Limits, _table(values.pop("limits", {}), "limits"), "limits."))
    routes = _table(values.pop("routes", {}), "routes")
    settings = Settings(data=data, limits=limits, routes=routes, **_typed(Settings, values, ""))
    _validate(settings)
    return settings


def _overlay(values: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Let a later source win, key by key inside tables too."""
    for key, value in source.items():
        known = values.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            values[key] = known | value
        elif value is not None:
            values[key] = value


def _table(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError(key, value, f"write it as a table, [{key}]")
    return value


def _read_file(data: Path, file: Path | None) -> dict[str, Any]:
    path = file or data / "posthouse.toml"
    if file is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingError("config", str(path), f"the file cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError("config", str(path), f"it is not valid TOML ({error})") from error


def _read_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {f.name for f in fields(Settings)} - {"data", "limits", "routes"}
    values: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    for name, value in environ.items():
        key = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX):
            continue
        if key in known:
            values[key] = value
        elif key == "routes":
            values["routes"] = dict(item.split("=", 1) for item in value.split(",") if "=" in item)
        elif key.startswith("limits_"):
            limits[key.removeprefix("limits_")] = value
    return values | ({"limits": limits} if limits else {})


def _typed(cls: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    kinds = {f.name: str(f.type) for f in fields(cls)}
    result = {}
    for key, value in values.items():
        if key not in kinds:
            raise SettingError(prefix + key, value, "there is no such setting; docs/administrator.md lists them all")
        result[key] = _convert(prefix + key, value, kinds[key])
    return result


_SWITCH = {"true": True, "false": False}


def _convert(key: str, value: Any, kind: str) -> Any:
    number = {"<class 'int'>": int, "int | None": int, "<class 'float'>": float}.get(kind)
    if number is not None:
        try:
            return number(value)
        except (TypeError, ValueError) as error:
            raise SettingError(key, value, "give a number") from error
    if kind == "<class 'bool'>":
        word = str(value).lower()
        if word not in _SWITCH:
            raise SettingError(key, value, "give true or false")
        return _SWITCH[word]
    if kind.startswith("tuple"):
        return tuple(v.strip() for v in value.split(",") if v.strip()) if isinstance(value, str) else tuple(value)
    if not isinstance(value, str):
        raise SettingError(key, value, "give a text")
    return value


def _host_port(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit():
        raise SettingError("server", value, "write host:port")
    return host.strip("[]"), int(port)


def _validate(settings: Settings) -> None:
    try:
        ipaddress.ip_address(settings.bind)
    except ValueError as error:
        raise SettingError(
            "bind", settings.bind, "give an address of this machine, such as 127.0.0.1 or 0.0.0.0"
        ) from error
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError as error:
            raise SettingError(
                "trusted_proxies", proxy, "give addresses or networks, such as 127.0.0.1 or 10.0.0.0/8"
            ) from error
    for f in fields(Ports):
        port = getattr(settings.ports, f.name)
        if not 0 < port < 65536:
            raise SettingError(
                "port_offset" if f.name != "web" else "web_port", port, f"the {f.name} port must lie in 1 to 65535"
            )
    for key in ("imap_server", "submission_server", "smarthost"):
        value = getattr(settings, key)
        if value is not None:
            _checked_host_port(key, value)
    for domain, route in settings.routes.items():
        _checked_host_port(f"routes.{domain}", route)
    for key, least in (
        ("message_size_limit", 64 * 1024),
        ("source_interval", 30),
        ("web_workers", 1),
        ("web_threads", 4),
    ):
        if getattr(settings, key) < least:
            raise SettingError(key, getattr(settings, key), f"the least that works is {least}")
    if settings.source_directory and not _is_folder_of_the_web(settings.source_directory):
        remedy = "give an https:// address that ends in /, or nothing to ask no directory"
        raise SettingError("source_directory", settings.source_directory, remedy)
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise SettingError("log_level", settings.log_level, "choose debug, info, warning or error")


def _is_folder_of_the_web(value: str) -> bool:
    return value.startswith("https://") and value.endswith("/") and value.isascii() and value.isprintable()


def _checked_host_port(key: str, value: str) -> None:
    try:
        _host_port(value)
    except SettingError as error:
        raise SettingError(key, value, error.remedy) from None
