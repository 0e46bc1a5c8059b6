"""The anchors beside us: which of them this machine has the programs for, how they are started and stopped.

Dovecot (Maildir, sdbox) behind Postfix, Roundcube over the first. See anchors/ and ANCHORS.md.
"""

import json
import os
import pathlib
import shutil
import subprocess

import targets
from common import ImapClient, ImapError

HERE = pathlib.Path(__file__).parent
WEB_PROGRAMS = ("php-fpm8.2", "nginx")
LMTP = pathlib.Path("/usr/lib/dovecot/lmtp")
ROUNDCUBE = pathlib.Path("/var/lib/roundcube/public_html")


def missing():
    """{what cannot be measured: why}, one sentence each."""
    found = {}
    if os.geteuid() != 0:
        found["peers"] = "the anchors are started as root (they drop to users of their own)"
    for program in ("dovecot", "postfix"):
        if not _has(program):
            found["peers"] = f"{program} is not installed"
    if not LMTP.exists():
        found["smtp"] = "dovecot-lmtpd is not installed, so Postfix has nowhere to deliver: no deliveries beside ours"
    absent = [name for name in WEB_PROGRAMS if not _has(name)] + ([] if ROUNDCUBE.is_dir() else ["roundcube"])
    if absent:
        found["web"] = f"no Roundcube to compare with: {', '.join(absent)} not installed"
    return found


def _has(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin") is not None


def start():
    """Starts the anchors; their descriptions by name, without the web where there is no Roundcube."""
    lacking = missing()
    subprocess.run([HERE / "anchors" / "start.sh"], check=True, stdout=subprocess.DEVNULL)
    known = targets.anchors(targets.anchors_root())
    chosen = {name: known[name] for name in ("maildir", "sdbox")}
    for target in chosen.values():
        if "web" in lacking:
            _drop(target, "/web/", "web-url", "web-profile")
        if "smtp" in lacking:
            _drop(target, "/postfix/", "smtp-port")
    return chosen


def _drop(target, process, *keys):
    for key in keys:
        target.pop(key, None)
    target["server-pid"] = [pid for pid in target["server-pid"] if process not in pid]


def stop():
    subprocess.run([HERE / "anchors" / "stop.sh"], check=False)


def is_up(target):
    """Whether an anchor answers; its log says why when it does not."""
    try:
        ImapClient("127.0.0.1", target["imap-port"]).close()
    except (OSError, ImapError):
        return False
    return True


if __name__ == "__main__":
    print(json.dumps(missing(), indent=1))
