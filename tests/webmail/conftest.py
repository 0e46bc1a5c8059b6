"""A web application on a data folder of its own, and a visitor who fills in forms as a browser does."""

import re
import threading

import pytest

from server.accounts import account as accounts
from server.accounts.directory import set_hostname
from server.config import Settings
from webmail.factory import close_app, create_app

ADDRESS, PASSWORD = "iris@lin.example", "correct horse battery"


class Visitor:
    """Follows the rules a browser follows: cookies, and the CSRF token of the page it is on."""

    def __init__(self, app, **headers):
        self.client = app.test_client()
        self.headers = headers
        self.page = None

    def get(self, path, **options):
        response = self.client.get(path, headers=self.headers | options.pop("headers", {}), **options)
        return self._turned_to(response)

    def _turned_to(self, response):
        if response.mimetype == "text/html" and "csrf-token" in response.text:
            self.page = response
        return response

    @property
    def csrf(self):
        found = re.search(r'<meta name="csrf-token" content="([^"]+)"', self.page.text)
        return found.group(1)

    def post(self, path, *, token=True, headers=None, follow=False, **form):
        data = form | ({"csrf_token": self.csrf} if token else {})
        response = self.client.post(path, data=data, headers=self.headers | (headers or {}), follow_redirects=follow)
        return self._turned_to(response)

    def sign_in(self, name=ADDRESS, password=PASSWORD, **form):
        self.get("/mail/sign-in")
        return self.post("/mail/sign-in", name=name, password=password, **form)

    def cookie(self, name):
        return self.client.get_cookie(name)


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path)


@pytest.fixture
def make_app():
    made = []

    def make(settings):
        app = create_app(settings)
        made.append(app)
        return app

    yield make
    for app in made:
        for warming in [t for t in threading.enumerate() if t.name == "warm"]:
            warming.join()
        close_app(app)


@pytest.fixture
def fresh_app(make_app, settings):
    """An installation nobody has set up."""
    return make_app(settings)


@pytest.fixture
def directory(fresh_app):
    return fresh_app.extensions["posthouse"].directory


@pytest.fixture
def app(fresh_app, directory):
    """An installation with one person."""

    def furnish(w):
        accounts.add_domain(w, "lin.example")
        set_hostname(w, "mail.lin.example")
        accounts.add_account(w, ADDRESS, PASSWORD, name="Iris Lin", admin=True)
        accounts.add_account(w, "mia@lin.example", "another password", name="Mia")

    directory.write_now(furnish)
    return fresh_app


@pytest.fixture
def visitor(app):
    return Visitor(app)


@pytest.fixture
def iris(visitor):
    """A visitor who has signed in."""
    assert visitor.sign_in().status_code == 302
    visitor.get("/mail/settings/general")
    return visitor


@pytest.fixture
def new_visitor():
    return Visitor
