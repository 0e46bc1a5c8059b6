import gzip

import pytest
from flask import Flask, Response

from webmail import compression


@pytest.fixture
def client():
    app = Flask("t")
    compression.init_app(app)
    long = "<p>word</p>" * 500

    @app.get("/page")
    def page():
        return long

    @app.get("/small")
    def small():
        return "<p>"

    @app.get("/stream")
    def stream():
        return Response((part for part in ("data: x\n\n",) * 500), content_type="text/event-stream")

    @app.get("/file")
    def file():
        return Response(long, headers={"Content-Disposition": "attachment; filename=x.html"}, content_type="text/html")

    @app.get("/picture")
    def picture():
        return Response(b"x" * 5000, content_type="image/png")

    @app.get("/missing")
    def missing():
        return long, 404

    return app.test_client()


def ask(client, path, encoding="gzip, br"):
    return client.get(path, headers={"Accept-Encoding": encoding} if encoding else {})


def test_a_page_is_made_smaller_and_comes_out_the_same(client):
    answer = ask(client, "/page")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert len(answer.data) < 500
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert gzip.decompress(answer.data) == client.get("/page").data


@pytest.mark.parametrize("encoding", ["", "br", "gzip;q=0", "identity"])
def test_who_does_not_read_it_gets_it_plain(client, encoding):
    answer = ask(client, "/page", encoding)
    assert "Content-Encoding" not in answer.headers
    assert answer.data.startswith(b"<p>")


@pytest.mark.parametrize("path", ["/small", "/stream", "/file", "/picture", "/missing"])
def test_what_goes_as_it_is(client, path):
    assert "Content-Encoding" not in ask(client, path).headers


def test_built_files_are_compressed_once(monkeypatch, tmp_path):
    (tmp_path / "a.css").write_text("p { color: red }\n" * 500)
    app = Flask("t", static_folder=str(tmp_path), static_url_path="/static")
    compression.init_app(app)
    client = app.test_client()
    first = ask(client, "/static/a.css")
    assert gzip.decompress(first.data).startswith(b"p {")
    monkeypatch.setattr(gzip, "compress", lambda *arguments, **options: pytest.fail("again"))
    assert ask(client, "/static/a.css").data == first.data


@pytest.mark.parametrize(
    ("site", "compressed"), [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False)]
)
def test_what_another_site_asks_for_does_not_tell_by_its_length(client, site, compressed):
    """BREACH: a guess that is right makes a compressed page shorter."""
    answer = client.get("/page", headers={"Accept-Encoding": "gzip", "Sec-Fetch-Site": site})
    assert ("Content-Encoding" in answer.headers) is compressed
