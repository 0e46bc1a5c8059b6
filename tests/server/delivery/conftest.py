import pytest

from tests.fakes.mail_house import MailHouse


@pytest.fixture
def house(tmp_path):
    made = MailHouse(tmp_path)
    yield made
    made.close()
