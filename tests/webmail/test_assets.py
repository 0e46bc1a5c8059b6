import json
import os

import pytest

from webmail import assets
from webmail.assets import AssetsMissing, CurrentManifest, Manifest, icon_names, sprite


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "templates" / "deep").mkdir(parents=True)
    (tmp_path / "webmail" / "static" / "js").mkdir(parents=True)
    (tmp_path / "webmail" / "static" / "css").mkdir(parents=True)
    return tmp_path


def test_icons_are_found_wherever_they_are_named(tree):
    (tree / "templates" / "deep" / "a.html").write_text(
        """{{ icon("mail", 18) }} {{ icon('x') }} {# icons: sun moon #}"""
    )
    (tree / "webmail" / "static" / "js" / "a.js").write_text("// icons: play\nicon( 'pause' )")
    (tree / "webmail" / "a.py").write_text('State(icon="key-round")  # icons: star')
    assert icon_names(tree) == {"mail", "x", "sun", "moon", "play", "pause", "key-round", "star"}


def test_the_sprite_holds_one_symbol_an_icon(tmp_path):
    (tmp_path / "mail.svg").write_text('<svg class="lucide"\n>\n <path d="M1 1"/>\n <path d="M2 2"/>\n</svg>')
    made = sprite({"mail"}, tmp_path)
    assert '<symbol id="i-mail" viewBox="0 0 24 24"><path d="M1 1"/> <path d="M2 2"/></symbol>' in made


def test_a_misspelt_icon_stops_the_build(tmp_path):
    with pytest.raises(FileNotFoundError, match="envelop"):
        sprite({"envelop"}, tmp_path)


def test_the_manifest_leads_to_hashed_names(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"app.css": "app-AB12.css"}))
    assert Manifest.load(path).path("app.css") == "build/app-AB12.css"


@pytest.mark.parametrize("content", [None, "not json"])
def test_without_a_build_the_remedy_is_said(tmp_path, content):
    path = tmp_path / "manifest.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AssetsMissing, match="make setup"):
        Manifest.load(path)


def test_every_built_file_is_named_by_its_content():
    manifest = Manifest.load()
    assert set(manifest.files) == {"app.css", "app.js", "icons.svg"}
    for name, hashed in manifest.files.items():
        stem, suffix = name.split(".")
        assert hashed.startswith(f"{stem}-")
        assert hashed.endswith(f".{suffix}")
        assert (assets.BUILD / hashed).is_file()


def test_every_icon_of_the_product_is_in_the_sprite():
    text = (assets.BUILD / Manifest.load().files["icons.svg"]).read_text()
    missing = [name for name in icon_names() if f'id="i-{name}"' not in text]
    assert missing == [], "run: python -m webmail.assets --no-install"


def test_the_lock_file_names_no_registry():
    text = (assets.ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "http" not in text
    packages = json.loads(text)["packages"]
    assert all("integrity" in entry for name, entry in packages.items() if name)


def test_every_package_is_pinned():
    package = json.loads((assets.ROOT / "package.json").read_text())
    for versions in (package["dependencies"], package["devDependencies"]):
        assert all(version[0].isdigit() for version in versions.values())


def test_the_styles_hold_no_foreign_address():
    for path in (assets.STATIC / "css").glob("*.css"):
        text = path.read_text()
        assert "http" not in text
        assert text.count("\n") <= 400


def test_a_running_application_sees_a_new_build(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text('{"app.css": "app-OLD.css"}')
    current = CurrentManifest(path)
    assert current.get().path("app.css") == "build/app-OLD.css"
    path.write_text('{"app.css": "app-NEW.css"}')
    os.utime(path, (1, 1))
    assert current.get().path("app.css") == "build/app-NEW.css"
    path.unlink()
    assert current.get().path("app.css") == "build/app-NEW.css", "a build under way does no harm"


def test_files_of_open_pages_stay_for_a_day(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "BUILD", tmp_path)
    for name in ("kept.css", "yesterday.css", "old.css"):
        (tmp_path / name).write_text("")
    os.utime(tmp_path / "old.css", (1, 1))
    os.utime(tmp_path / "kept.css", (1, 1))
    assets._forget_old({"kept.css"})
    assert {path.name for path in tmp_path.iterdir()} == {"kept.css", "yesterday.css"}
