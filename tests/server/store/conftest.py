from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.mail_account import MailAccount


@pytest.fixture
def account(tmp_path: Path) -> Iterator[MailAccount]:
    mail = MailAccount(tmp_path)
    yield mail
    mail.close()
