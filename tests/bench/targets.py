"""Named servers for compare.py: the options of common.server_parser, as a JSON file.

Run as a script it prints the anchors as started by anchors/start.sh; add your own server to a copy of the file.
"""

import json
import os
import pathlib
import tempfile


def anchors_root():
    """Where anchors/start.sh keeps everything: $ANCHORS_ROOT, else mail-anchors in the temporary folder."""
    return os.environ.get("ANCHORS_ROOT", str(pathlib.Path(tempfile.gettempdir()) / "mail-anchors"))


def anchors(root):
    def dovecot(name, first_port, **more):
        folder = f"{root}/dovecot-{name}"
        return {
            "imap-port": first_port + 143,
            "pop3-port": first_port + 110,
            "smtp-port": 14025,
            "domain": f"{name}.test",
            "mail-folder": f"{folder}/mail/u%d",
            "server-pid": [f"@{folder}/run/master.pid", f"@{root}/postfix/queue/pid/master.pid"],
            **more,
        }

    web = {"web-url": "http://127.0.0.1:14080", "web-profile": "profiles/roundcube.json"}
    maildir = dovecot("maildir", 14000, **web)
    maildir["server-pid"] += [f"@{root}/web/php-fpm.pid", f"@{root}/web/nginx.pid"]
    return {"maildir": maildir, "sdbox": dovecot("sdbox", 15000), "maildir-fts": dovecot("maildir-fts", 16000)}


def as_options(name, target):
    options = ["--label", name]
    for key, value in target.items():
        for item in value if isinstance(value, list) else [value]:
            options += [f"--{key}"] if item is True else [f"--{key}", str(item)]
    return options


if __name__ == "__main__":
    print(json.dumps(anchors(anchors_root()), indent=1))
