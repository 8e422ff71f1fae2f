"""How often a principal may, by a clock of the test's own."""

from holdfast.contracts import Principal, TenantId
from holdfast.server.pace import Pace


def who(subject: str, tenant: str = "t") -> Principal:
    return Principal(subject=subject, tenant=TenantId(tenant), scopes=frozenset())


def test_so_many_at_once_and_then_so_many_a_minute():
    now = [0.0]
    pace = Pace(6, clock=lambda: now[0])

    assert [pace.takes(who("a")) for _ in range(8)] == [True] * 6 + [False] * 2
    now[0] = 10.0
    assert [pace.takes(who("a")) for _ in range(2)] == [True, False]
    now[0] = 1000.0
    assert [pace.takes(who("a")) for _ in range(7)] == [True] * 6 + [False]


def test_one_does_not_use_up_what_is_anothers():
    pace = Pace(1, clock=lambda: 0.0)

    assert [pace.takes(one) for one in (who("a"), who("a"), who("b"), who("a", "u"))] == [True, False, True, True]
