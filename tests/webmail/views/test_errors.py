import pytest
from structlog.testing import capture_logs


@pytest.fixture
def breaking(app):
    def view():
        raise ZeroDivisionError("secret detail of ours")

    app.add_url_rule("/mail/breaking", "breaking", view)
    return app


def test_an_unforeseen_error_has_a_number_and_no_detail(breaking, iris):
    with capture_logs() as log:
        response = iris.get("/mail/breaking")
    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "ZeroDivisionError" not in response.text
    (line,) = [entry for entry in log if entry["event"] == "request_failed"]
    assert line["id"] in response.text


def test_a_partial_gets_a_partial(breaking, iris):
    response = iris.get("/mail/breaking", headers={"HX-Request": "true"})
    assert response.status_code == 500
    assert "<html" not in response.text
    assert 'role="alert"' in response.text


def test_a_script_gets_json(breaking, iris):
    response = iris.get("/mail/breaking", headers={"Accept": "application/json"})
    assert set(response.json) == {"error", "remedy", "id"}


@pytest.mark.parametrize(("path", "code"), [("/mail/nowhere", 404), ("/mail/sign-out", 405)])
def test_known_errors_say_what_to_do(iris, path, code):
    response = iris.get(path)
    assert response.status_code == code
    assert 'href="/mail/"' in response.text
    assert f">{code}<" in response.text


def test_what_is_too_large_is_said(iris):
    response = iris.post("/mail/settings/general", theme="x" * 5 * 2**20)
    assert response.status_code == 413
    assert "That is too large" in response.text


def test_an_expired_form_says_so(iris):
    response = iris.post("/mail/settings/general", token=False)
    assert response.status_code == 400
    assert "This page is too old" in response.text
