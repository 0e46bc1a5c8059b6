"""A directory of an earlier version is upgraded, and nobody loses anything."""

import hashlib

from server.accounts import account as accounts
from server.accounts import app_password, remembered_device, second_factor
from server.accounts import token as tokens
from server.accounts.directory import Directory, open_database
from server.accounts.schema import SCHEMA
from server.db.database import Database
from server.db.schema import versions
from server.seal import Keyring

VERSION_1 = """
CREATE TABLE schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL);
INSERT INTO schema_version VALUES ('accounts', 1);
CREATE TABLE domain (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR NOT NULL UNIQUE, created INTEGER NOT NULL);
CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, domain_id INTEGER NOT NULL REFERENCES domain (id),
 address VARCHAR NOT NULL UNIQUE, name VARCHAR NOT NULL, password VARCHAR NOT NULL, admin BOOLEAN NOT NULL,
 active BOOLEAN NOT NULL, quota INTEGER, created INTEGER NOT NULL);
CREATE TABLE alias (address VARCHAR NOT NULL, account_id INTEGER NOT NULL REFERENCES account (id), PRIMARY KEY (address, account_id));
CREATE TABLE setting ("key" VARCHAR NOT NULL PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE token (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, account_id INTEGER NOT NULL REFERENCES account (id),
 digest BLOB NOT NULL UNIQUE, kind VARCHAR NOT NULL, label VARCHAR NOT NULL, peer VARCHAR NOT NULL, created INTEGER NOT NULL,
 last_used INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX ix_token_account_id ON token (account_id);
INSERT INTO domain VALUES (1, 'lin.example', 1);
INSERT INTO account VALUES (1, 1, 'iris@lin.example', 'Iris', '$argon2id$x', 1, 1, NULL, 1);
"""


def of_version_1(path, secret):
    database = Database(path, [])

    def make(w):
        for statement in VERSION_1.split(";"):
            if statement.strip():
                w.raw(statement)
        w.raw(
            "INSERT INTO token VALUES (1, 1, ?, 'web', 'Firefox', '192.0.2.1', 1, 1, 9000000000)",
            (hashlib.sha256(secret.encode()).digest(),),
        )

    database.write(make)
    database.close()


def columns(database):
    tables = [
        row[0] for row in database.read(lambda r: r.raw("SELECT name FROM sqlite_master WHERE type='table'").fetchall())
    ]
    return {t: database.read(lambda r, t=t: sorted(c[1:4] for c in r.raw(f"PRAGMA table_info({t})"))) for t in tables}


def test_version_1_is_upgraded(tmp_path):
    of_version_1(tmp_path / "old.db", "pht_secret")
    database = open_database(tmp_path / "old.db")
    directory = Directory(database)
    assert database.read(versions)["accounts"] == SCHEMA.version
    assert directory.read_now(lambda r: tokens.find(r, "pht_secret"))[1].address == "iris@lin.example"
    ring = Keyring(tmp_path / "secret.key")
    assert directory.write_now(lambda w: second_factor.turn_on(w, ring, 1, b"k" * 20, step=0, peer=""))
    secret = directory.write_now(lambda w: app_password.make(w, 1, "phone", peer=""))
    assert directory.read_now(lambda r: app_password.find(r, "iris@lin.example", secret))
    assert directory.write_now(lambda w: remembered_device.remember(w, 1, label="x", peer=""))
    assert directory.read_now(accounts.domains) == ["lin.example"]
    database.close()


def test_an_upgraded_one_is_as_a_new_one(tmp_path):
    of_version_1(tmp_path / "old.db", "pht_secret")
    old, new = open_database(tmp_path / "old.db"), open_database(tmp_path / "new.db")
    assert columns(old) == columns(new)
    old.close()
    new.close()
