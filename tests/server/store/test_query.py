from server.store import query as q


def test_conjunction():
    assert q.conjunction([]) == q.All()
    assert q.conjunction([q.Larger(1)]) == q.Larger(1)
    assert q.conjunction([q.Larger(1), q.Smaller(9)]) == q.And((q.Larger(1), q.Smaller(9)))


def test_queries_are_values():
    assert hash(q.Not(q.Or(q.Text("a"), q.Uids(((1, 2),))))) == hash(q.Not(q.Or(q.Text("a"), q.Uids(((1, 2),)))))
