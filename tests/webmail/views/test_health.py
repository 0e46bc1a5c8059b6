import os

import pytest


@pytest.mark.parametrize("hosts", [{}, {"Host": "127.0.0.1:8080"}])
def test_not_ready_until_every_role_is(app, settings, new_visitor, hosts):
    visitor = new_visitor(app, **hosts)
    assert visitor.get("/healthz").status_code == 503
    settings.run_dir.mkdir()
    for role in ("web", "mail", "worker"):
        (settings.run_dir / f"{role}.pid").write_text(f"{os.getpid()}\n")
    response = visitor.get("/healthz")
    assert response.status_code == 200
    assert response.json == {"status": "ready", "roles": {"web": "ready", "mail": "ready", "worker": "ready"}}
    (settings.run_dir / "mail.pid").write_text("999999999\n")
    response = visitor.get("/healthz")
    assert response.status_code == 503
    assert response.json["roles"]["mail"] == "down"


def test_a_broken_pid_file_is_a_role_that_is_down(app, settings, new_visitor):
    settings.run_dir.mkdir()
    (settings.run_dir / "web.pid").write_text("not a number")
    assert new_visitor(app).get("/healthz").json["roles"]["web"] == "down"


def test_it_answers_on_a_fresh_installation(fresh_app, new_visitor):
    assert new_visitor(fresh_app).get("/healthz").status_code == 503
