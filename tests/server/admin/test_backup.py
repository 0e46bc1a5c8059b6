"""T048, T146: what is restored is as private as it was, and nothing comes out of an archive but files in their place."""

import io
import os
import stat
import tarfile

import pytest

from server.accounts.directory import open_database
from server.admin import backup
from server.config import Settings


@pytest.fixture
def careless():
    """A machine on which new files are readable by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def settings(tmp_path, careless):
    made = Settings(data=tmp_path / "house")
    (made.data / "run").mkdir(parents=True)
    for path in (made.directory_db, made.accounts_dir / "01" / "1" / "mail.db"):
        database = open_database(path)
        database.read(lambda _: None)
        database.close()
    made.tls_dir.mkdir()
    return made


def modes(folder):
    return {str(p.relative_to(folder)): stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*")}


def test_t048_nobody_else_reads_what_was_restored(settings, tmp_path):
    backup.take(settings, tmp_path / "a.tar", with_key=True)
    assert stat.S_IMODE((tmp_path / "a.tar").stat().st_mode) == 0o600
    backup.restore(tmp_path / "a.tar", tmp_path / "new")
    found = modes(tmp_path / "new")
    assert {"directory.db", "accounts/01/1/mail.db", "accounts/01/1"} <= found.keys()
    assert all(mode & 0o077 == 0 for mode in found.values()), found
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_t048_modes_of_an_archive_are_not_believed(settings, tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("objects", tarfile.DIRTYPE), ("objects/x", tarfile.REGTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o7777
            archive.addfile(member, io.BytesIO(b""))
    backup.restore(tmp_path / "a.tar", tmp_path / "new")
    assert modes(tmp_path / "new") == {"objects": 0o700, "objects/x": 0o600}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_an_archive_with_links_is_not_ours(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("first"), io.BytesIO(b""))
        member = tarfile.TarInfo("accounts")
        member.type, member.linkname = kind, "first"
        archive.addfile(member)
    with pytest.raises(backup.BackupError, match="accounts"):
        backup.restore(tmp_path / "a.tar", tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == [], "nothing of it is unpacked"


def test_a_name_that_leads_out_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("../out"), io.BytesIO(b""))
    with pytest.raises(backup.BackupError):
        backup.restore(tmp_path / "a.tar", tmp_path / "new")
    assert not (tmp_path / "out").exists()


def test_a_certificate_that_is_a_link_comes_back_as_a_file(settings, tmp_path):
    (tmp_path / "renewed.pem").write_text("key")
    (settings.tls_dir / "key.pem").symlink_to(tmp_path / "renewed.pem")
    backup.take(settings, tmp_path / "a.tar", with_key=False)
    backup.restore(tmp_path / "a.tar", tmp_path / "new")
    restored = tmp_path / "new" / "tls" / "key.pem"
    assert restored.read_text() == "key"
    assert not restored.is_symlink()
