"""A visitor who is signed in to a webmail in front of our own IMAP server."""

import json
from contextlib import contextmanager

from tests.fakes.imap_house import PASSWORD
from tests.webmail.conftest import Visitor
from tests.webmail.mail_rooms import rooms


class Reader(Visitor):
    """Asks for pieces as scripts do."""

    def piece(self, path):
        return self.get(path, headers={"HX-Request": "true"})

    def send(self, path, body, *, token=True):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["X-CSRFToken"] = self.csrf
        return self.client.post(path, data=json.dumps(body), headers=headers)


@contextmanager
def reading_room(folder):
    """(rooms, app): the house has ann@example.org and bob@example.org."""
    with rooms(folder) as made:
        app = made.app()
        try:
            yield made, app
        finally:
            for name in ("posthouse_sanitiser", "posthouse_mail_pool", "posthouse_live"):
                if name in app.extensions:
                    app.extensions[name].close()
            app.extensions["posthouse"].directory.database.close()


def signed_in(app, name="ann"):
    visitor = Reader(app)
    assert visitor.sign_in(f"{name}@example.org", PASSWORD).status_code == 302
    visitor.get("/mail/settings/general")
    return visitor
