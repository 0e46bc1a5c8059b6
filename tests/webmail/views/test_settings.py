from server.accounts import token as tokens
from webmail import preferences

ALL = {
    "form": "general",
    "language": "zh_Hans",
    "time_zone": "Asia/Shanghai",
    "theme": "dark",
    "accent": "violet",
    "density": "compact",
    "images": "never",
    "reading_pane": "below",
    "shortcuts": "yes",
}


def wishes(directory, account=1):
    return directory.read_now(lambda r: preferences.load(r, account))


def test_settings_lead_to_general(iris):
    assert iris.client.get("/mail/settings/").headers["Location"] == "/mail/settings/general"


def test_everything_is_kept_and_shown(iris, directory):
    assert iris.post("/mail/settings/general", **ALL).status_code == 302
    kept = wishes(directory)
    assert (kept.language, kept.theme, kept.density, kept.shortcuts) == ("zh_Hans", "dark", "compact", True)
    text = iris.get("/mail/settings/general").text
    for attribute in ('lang="zh-Hans"', 'data-theme="dark"', 'data-density="compact"', 'data-accent="violet"'):
        assert attribute in text.split("<head>")[0]
    assert wishes(directory, 2) == preferences.DEFAULTS, "nobody else's"


def test_an_unticked_box_is_kept_too(iris, directory):
    iris.post("/mail/settings/general", **{k: v for k, v in ALL.items() if k != "shortcuts"})
    assert wishes(directory).shortcuts is False


def test_nonsense_changes_nothing(iris, directory):
    """security.md T072."""
    iris.post("/mail/settings/general", **dict.fromkeys(ALL, "\x00<b>"), account_id="2", admin="1")
    assert wishes(directory) == preferences.DEFAULTS


class TestDevices:
    def test_each_is_listed_with_this_one_first(self, app, iris, new_visitor):
        phone = new_visitor(app, **{"User-Agent": "Mozilla/5.0 (iPhone) Safari/604.1"})
        phone.sign_in()
        text = iris.get("/mail/settings/devices").text
        assert text.count('class="p-item"') == 2
        assert "Safari, iPhone" in text
        assert text.index("This one") < text.index("Safari, iPhone")

    def test_one_is_ended(self, app, iris, new_visitor, directory):
        phone = new_visitor(app)
        phone.sign_in()
        latest = max(t.id for t in directory.read_now(lambda r: tokens.list_for(r, 1)))
        iris.get("/mail/settings/devices")
        iris.post(f"/mail/settings/devices/{latest}/end")
        assert phone.get("/mail/settings/general").status_code == 302
        assert iris.get("/mail/settings/general").status_code == 200

    def test_all_others_are_ended_but_app_passwords_stay(self, app, iris, new_visitor, directory):
        phone = new_visitor(app)
        phone.sign_in()
        directory.write_now(lambda w: tokens.issue(w, 1, kind="app", label="mutt", peer="", lifetime=100))
        iris.post("/mail/settings/devices/end-others")
        assert phone.get("/mail/settings/general").status_code == 302
        assert iris.get("/mail/settings/general").status_code == 200
        assert {t.kind for t in directory.read_now(lambda r: tokens.list_for(r, 1))} == {"web", "app"}

    def test_another_persons_session_is_out_of_reach(self, app, iris, new_visitor, directory):
        mia = new_visitor(app)
        mia.sign_in("mia@lin.example", "another password")
        (hers,) = directory.read_now(lambda r: tokens.list_for(r, 2))
        iris.post(f"/mail/settings/devices/{hers.id}/end")
        assert mia.get("/mail/settings/general").status_code == 200

    def test_ending_this_one_signs_out(self, iris, directory):
        (mine,) = directory.read_now(lambda r: tokens.list_for(r, 1))
        response = iris.post(f"/mail/settings/devices/{mine.id}/end")
        assert response.headers["Location"] == "/mail/sign-in"
        assert iris.get("/mail/settings/general").status_code == 302
