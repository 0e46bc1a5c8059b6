"""The program as an administrator meets it: starting, stopping, and being told what is wrong."""

import imaplib
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tests.installation import ROOT, Installation

PASSWORD = "long enough"
MESSAGE = b"From: a@elsewhere.example\r\nTo: iris@lin.example\r\nSubject: kept\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("house") / "data")
    installation.add_account("iris@lin.example", PASSWORD, "--admin", "--quota", "5G")
    with installation:
        yield installation


def run(*arguments, **more):
    return subprocess.run(
        [sys.executable, "app.py", *arguments], capture_output=True, text=True, cwd=ROOT, timeout=60, **more
    )


def count(house):
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login("iris@lin.example", PASSWORD)
        return int(client.select("INBOX")[1][0])


def test_help_names_every_command():
    said = run("--help")
    assert said.returncode == 0
    for word in (
        "serve",
        "domain",
        "account",
        "source",
        "message",
        "queue",
        "verify",
        "doctor",
        "backup",
        "restore",
        "mail",
        "web",
        "worker",
    ):
        assert word in said.stdout


def test_health(house):
    with urllib.request.urlopen(f"{house.url}/healthz") as answer:
        assert answer.status == 200
    assert {p.name for p in (house.data / "run").glob("*.pid")} == {"serve.pid", "mail.pid", "web.pid", "worker.pid"}


def test_a_second_start_on_the_same_folder_is_refused(house):
    said = run("serve", "--data", str(house.data))
    assert said.returncode == 1
    assert "already runs" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        said = run("serve", "--data", str(tmp_path / "d"), "--web-port", str(port), "--port-offset", "41000")
    assert said.returncode == 1
    assert f"Port {port} (web)" in said.stderr
    assert "--web-port" in said.stderr


def test_a_trial_whose_inner_port_is_held_takes_another(tmp_path):
    house = Installation(tmp_path / "data")
    house.add_account("iris@lin.example", PASSWORD)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", house.ports.lmtp))
        holder.listen()
        with house:
            with smtplib.SMTP("127.0.0.1", house.ports.submission) as client:
                client.login("iris@lin.example", PASSWORD)
                client.sendmail("iris@lin.example", ["iris@lin.example"], MESSAGE.replace(b"a@elsewhere", b"iris@lin"))
            deadline = time.monotonic() + 20
            while count(house) == 0:
                assert time.monotonic() < deadline, "the queue found no way to the mailbox"
                time.sleep(0.2)
            assert "The queue is empty" in house.command("queue", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "/proc/nothing"), "cannot be used"),
        (("--data", "app.py"), "is a file"),
        (("--bind", "nowhere"), "bind"),
        (("--web-port", "99999"), "web_port"),
        (("--config", "none.toml"), "none.toml"),
    ],
)
def test_what_cannot_work_ends_in_one_sentence(tmp_path, arguments, words):
    data = () if "--data" in arguments else ("--data", str(tmp_path / "d"))
    said = run("serve", *arguments, *data)
    assert said.returncode
    assert words in said.stderr
    assert "Traceback" not in said.stderr
    assert len(said.stderr.strip().splitlines()) <= 4


def test_commands_work_while_it_runs_and_are_seen_at_once(house, tmp_path):
    before = count(house)
    (tmp_path / "one.eml").write_bytes(MESSAGE)
    assert (
        "1 messages imported"
        in house.command("message", "import", "iris@lin.example", str(tmp_path / "one.eml")).stdout
    )
    assert (
        "0 messages imported"
        in house.command("message", "import", "iris@lin.example", str(tmp_path / "one.eml")).stdout
    )
    assert count(house) == before + 1
    house.add_account("new@lin.example", PASSWORD)
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login("new@lin.example", PASSWORD)
    assert "The queue is empty" in house.command("queue", "list").stdout
    assert "as it should be" in house.command("verify").stdout


def test_doctor(house):
    findings = json.loads(house.command("doctor", "--json").stdout)
    assert {f["state"] for f in findings} <= {"ok", "warning"}
    assert {"role web", "role mail", "role worker", "port imap", "certificate", "disk"} <= {f["name"] for f in findings}


def test_unknown_things_are_named(house):
    for line in (
        ("account", "password", "nobody@lin.example", "--password-stdin"),
        ("queue", "cancel", "none"),
        ("message", "import", "iris@lin.example", "none.eml"),
    ):
        said = house.command(*line, input=PASSWORD + "\n", check=False)
        assert said.returncode == 1
        assert "Traceback" not in said.stderr
        assert said.stderr.strip()


def test_a_role_that_dies_is_started_again(house):
    old = house.pid("mail")
    house.kill("mail")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if house.pid("mail") != old and count(house) >= 0:
                return
        except (OSError, ValueError):
            time.sleep(0.1)
    pytest.fail("the mail role did not come back")


def test_stop_loses_nothing_and_a_second_start_just_works(tmp_path):
    house = Installation(tmp_path / "data")
    house.add_account("iris@lin.example", PASSWORD)
    house.start()
    with smtplib.SMTP("127.0.0.1", house.ports.smtp) as client:
        client.sendmail("a@elsewhere.example", ["iris@lin.example"], MESSAGE)
    began = time.monotonic()
    assert house.stop() == 0
    assert time.monotonic() - began < 15
    assert not list((house.data / "run").glob("*.pid"))
    with house:
        assert count(house) == 1
        status = house.process
        status.send_signal(signal.SIGTERM)
        assert status.wait(20) == 0
        house.process = None


def test_backup_and_restore(house, tmp_path):
    (tmp_path / "one.eml").write_bytes(MESSAGE.replace(b"kept", b"saved"))
    house.command("message", "import", "iris@lin.example", str(tmp_path / "one.eml"))
    archive = tmp_path / "house.tar"
    house.command("backup", str(archive))
    assert archive.stat().st_mode & 0o077 == 0
    other = Installation(tmp_path / "other")
    assert "restored" in other.command("restore", str(archive)).stdout
    assert other.command("restore", str(archive), check=False).returncode == 1
    assert "as it should be" in other.command("verify").stdout
    with other:
        assert count(other) == count(house)


def test_a_fresh_installation_leads_to_the_set_up(tmp_path):
    with Installation(tmp_path / "data") as fresh, urllib.request.urlopen(f"{fresh.url}/mail/") as page:
        assert "/mail/setup" in page.url
        assert b"Nobody lives here yet" in fresh.output()


def test_a_name_given_while_it_runs_is_used_within_seconds(tmp_path):
    house = Installation(tmp_path / "data")
    with house:

        def name():
            with smtplib.SMTP("127.0.0.1", house.ports.smtp) as client:
                return client.docmd("NOOP") and client.ehlo()[1].split()[0].decode()

        assert name() == "localhost"
        assert "post.lin.example" in house.command("domain", "host", "Post.lin.example").stdout
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if name() == "post.lin.example":
                    break
            except OSError:
                pass
            time.sleep(0.2)
        assert name() == "post.lin.example"
        certificate = ssl.get_server_certificate(("127.0.0.1", house.ports.imaps))
        assert b"post.lin.example" in ssl.PEM_cert_to_DER_cert(certificate)
        with urllib.request.urlopen(f"{house.url}/healthz") as answer:
            assert answer.status == 200


def test_nothing_secret_is_logged(house):
    with pytest.raises(imaplib.IMAP4.error), imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login("iris@lin.example", "a very wrong word")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{house.url}/mail/sign-in", data=b"name=iris@lin.example&password=a+very+wrong+word")
    assert b"a very wrong word" not in house.output()
    assert PASSWORD.encode() not in house.output()
    assert os.fspath(house.data / "secret.key") not in house.output().decode()
