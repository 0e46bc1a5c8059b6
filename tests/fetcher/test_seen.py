"""The ledger in large: what each message of an import is asked about."""

import pytest

from fetcher import account, seen
from server.db.database import Database


@pytest.mark.parametrize(
    ("statement", "index"),
    [(seen._SAME_OCTETS, "source_message_content"), (seen._SAME_HEADER, "source_message_header")],
)
def test_a_twin_is_looked_up_by_an_index_however_long_the_ledger(tmp_path, statement, index):
    account.ensure_tables(tmp_path / "directory.db")
    database = Database(tmp_path / "directory.db", [account.SCHEMA])
    sql, names, _ = statement.parts()
    plan = database.read(lambda r: r.raw(f"EXPLAIN QUERY PLAN {sql}", ["x"] * len(names)).fetchall())
    database.close()
    steps = [step[-1] for step in plan]
    assert any(f"COVERING INDEX {index} (source_id=? AND" in step for step in steps)
    assert not any(step.startswith("SCAN") or step.endswith("PRIMARY KEY (source_id=?)") for step in steps)
