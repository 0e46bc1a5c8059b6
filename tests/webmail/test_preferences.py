import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.db.database import Database
from webmail import preferences
from webmail.preferences import DEFAULTS, METADATA, Preferences, changed


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "directory.db", METADATA)
    yield opened
    opened.close()


def test_who_never_chose_has_the_defaults(database):
    assert database.read(lambda r: preferences.load(r, 7)) == DEFAULTS


def test_wishes_are_kept_and_replaced(database):
    first = Preferences("zh_Hans", "Asia/Shanghai", "dark", "rose", "compact", "never", "off", shortcuts=False)
    database.write(lambda w: preferences.save(w, 7, first))
    assert database.read(lambda r: preferences.load(r, 7)) == first
    database.write(lambda w: preferences.save(w, 7, DEFAULTS))
    assert database.read(lambda r: preferences.load(r, 7)) == DEFAULTS


def test_what_another_version_stored_falls_back_to_the_default(database):
    database.write(lambda w: preferences.save(w, 7, changed(DEFAULTS, theme="dark", accent="blue")))
    table = preferences.preference
    database.write(lambda w: w.execute(sa.update(table).values(theme="solarized")))
    assert database.read(lambda r: preferences.load(r, 7)) == changed(DEFAULTS, accent="blue")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from([*Preferences.__slots__, "account_id", "x"]), st.text(max_size=12) | st.booleans() | st.none()
    )
)
def test_only_what_is_on_the_lists_gets_in(wishes):
    result = changed(DEFAULTS, **wishes)
    assert result.theme in preferences.THEMES
    assert result.density in preferences.DENSITIES
    assert result.images in preferences.IMAGES
    assert result.reading_pane in preferences.READING_PANES
    assert result.accent in preferences.ACCENTS
    assert result.language in ("", *preferences.LANGUAGES)
    assert isinstance(result.shortcuts, bool)
