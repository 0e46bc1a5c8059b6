from server.store import query as q


def test_conjunction():
    assert q.conjunction([]) == q.All()
    assert q.conjunction([q.Larger(1)]) == q.Larger(1)
    assert q.conjunction([q.Larger(1), q.Smaller(9)]) == q.And((q.Larger(1), q.Smaller(9)))


def test_queries_are_values():
    assert hash(q.Not(q.Or(q.Text("a"), q.Uids(((1, 2),))))) == hash(q.Not(q.Or(q.Text("a"), q.Uids(((1, 2),)))))


def test_conversations_by_another_name():
    asked = q.And((q.Fuzzy(q.Or(q.ThreadId("T1"), q.Text("T1"))), q.Not(q.ThreadId("T2"))))
    assert q.with_threads(asked, lambda name: name + "x") == q.And(
        (q.Fuzzy(q.Or(q.ThreadId("T1x"), q.Text("T1"))), q.Not(q.ThreadId("T2x")))
    )
