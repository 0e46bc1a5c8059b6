"""A Thunderbird on a screen of its own, with one account on our loopback ports; looked into by its Marionette door.

Keys are pressed on the screen as a person presses them; Marionette only gives the password and tells what is shown.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

START_SECONDS = 60
PATIENCE = 40
SCREEN = "1280x900x24"
QUIET = {
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mail.shell.checkDefaultClient": False,
    "mail.rights.version": 1,
    "mail.warn_on_send_accel_key": False,
    "mail.inappnotifications.enabled": False,
    "mail.biff.show_alert": False,
    "mail.biff.play_sound": False,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "app.donation.eoy.version.viewed": 999,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "extensions.getAddons.cache.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
LOGIN = """
const done = arguments[arguments.length - 1], [user, password] = arguments;
(async () => {
  if ((await Services.logins.getAllLogins()).length) return; // the profile knows it already
  for (const origin of ["imap://127.0.0.1", "smtp://127.0.0.1"]) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init(origin, null, origin, user, password, "", "");
    await Services.logins.addLoginAsync(login);
  }
})().then(() => done(true), (error) => done(String(error)));
"""
PREAMBLE = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.accounts[0].incomingServer;
const window3 = Services.wm.getMostRecentWindow("mail:3pane");
const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const pane = window3?.gTabmail.currentAbout3Pane;
"""


def preferences(ports, address: str, name: str) -> dict[str, object]:
    """One account by IMAP and submission, both in clear on loopback (socketType 0, authMethod 3: password)."""
    user = address.replace("@", "%40")
    return QUIET | {
        "mail.accountmanager.accounts": "account1",
        "mail.accountmanager.defaultaccount": "account1",
        "mail.account.account1.identities": "id1",
        "mail.account.account1.server": "server1",
        "mail.identity.id1.fullName": name,
        "mail.identity.id1.useremail": address,
        "mail.identity.id1.valid": True,
        "mail.identity.id1.smtpServer": "smtp1",
        "mail.identity.id1.fcc_folder": f"imap://{user}@127.0.0.1/Sent",
        "mail.server.server1.type": "imap",
        "mail.server.server1.hostname": "127.0.0.1",
        "mail.server.server1.port": ports.imap,
        "mail.server.server1.userName": address,
        "mail.server.server1.name": address,
        "mail.server.server1.socketType": 0,
        "mail.server.server1.authMethod": 3,
        "mail.server.server1.login_at_startup": False,
        "mail.smtpservers": "smtp1",
        "mail.smtp.defaultserver": "smtp1",
        "mail.smtpserver.smtp1.hostname": "127.0.0.1",
        "mail.smtpserver.smtp1.port": ports.submission,
        "mail.smtpserver.smtp1.username": address,
        "mail.smtpserver.smtp1.try_ssl": 0,
        "mail.smtpserver.smtp1.authMethod": 3,
    }


class Thunderbird:
    """One running Thunderbird."""

    def __init__(self, display: str, port: int, process: subprocess.Popen[bytes], output: Path) -> None:
        self.display, self._process, self._output = display, process, output
        self._link = self._connect(port)
        self._number = 0
        self._read()
        self._ask("WebDriver:NewSession", capabilities={})
        self._ask("Marionette:SetContext", value="chrome")

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._output.read_text()
            try:
                return socket.create_connection(("127.0.0.1", port), PATIENCE)
            except OSError:
                time.sleep(0.2)
        raise AssertionError(f"Thunderbird did not start: {self._output.read_text()}")

    def close(self) -> None:
        self._link.close()

    def _read(self) -> object:
        """One answer: its length, a colon, JSON."""
        length = b""
        while not length.endswith(b":"):
            length += self._link.recv(1)
        data = b""
        while len(data) < int(length[:-1]):
            data += self._link.recv(65_536)
        return json.loads(data)

    def _ask(self, command: str, **parameters: object) -> object:
        self._number += 1
        line = json.dumps([0, self._number, command, parameters]).encode()
        self._link.sendall(b"%d:%b" % (len(line), line))
        _, _, error, value = self._read()
        assert error is None, error
        return value

    def run(self, script: str, *arguments: object) -> object:
        """Run a script in the program's own context; it ends with `done(...)` as its last argument says."""
        return self._ask("WebDriver:ExecuteAsyncScript", script=script, args=list(arguments))["value"]

    def tell(self, expression: str) -> object:
        """The value of an expression about `inbox`, `pane` and `window3`."""
        return self.run(f"const done = arguments[arguments.length - 1]; {PREAMBLE} done({expression});")

    def wait_for(self, expression: str) -> object:
        deadline = time.monotonic() + PATIENCE
        while not (found := self.tell(expression)):
            assert time.monotonic() < deadline, f"never came true: {expression}\n{self._output.read_text()}"
            time.sleep(0.2)
        return found

    def sign_in(self, address: str, password: str) -> None:
        assert self.run(LOGIN, address, password) is True

    def press(self, *keys: str, title: str) -> None:
        """Press keys in the window of that title."""
        self._screen("xdotool", "search", "--sync", "--onlyvisible", "--name", title, "windowfocus", "--sync")
        self._screen("xdotool", "key", "--delay", "50", *keys)

    def photograph(self, path: Path) -> None:
        self._screen("import", "-window", "root", str(path))

    def _screen(self, *command: str) -> None:
        subprocess.run(
            command, env={**os.environ, "DISPLAY": self.display}, check=True, timeout=PATIENCE, capture_output=True
        )


@contextmanager
def screen() -> Iterator[str]:
    """A display that nobody else uses."""
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=[theirs],
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        with os.fdopen(ours) as said:
            yield f":{said.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def thunderbird(folder: Path, display: str, wanted: dict[str, object], *arguments: str) -> Iterator[Thunderbird]:
    """Start it on a profile in `folder`, which a second start finds again."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    profile = folder / "profile"
    profile.mkdir(exist_ok=True)
    lines = (wanted | {"marionette.port": port}).items()
    (profile / "user.js").write_text("".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in lines))
    output = folder / "thunderbird.out"
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "DISPLAY": display, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    line = [
        "thunderbird",
        "--profile",
        str(profile),
        "--no-remote",
        "--marionette",
        "--remote-allow-system-access",
        *arguments,
    ]
    with output.open("ab") as log:
        process = subprocess.Popen(line, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        with closing(Thunderbird(display, port, process, output)) as program:
            yield program
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
