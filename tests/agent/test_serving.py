"""Who has a mail after an attempt, who never will, who waits."""

from __future__ import annotations

import pytest

from agent.serving import Standing, after, told
from outbound.contracts import Again, DeliveryResult, InDoubt, Never, Paused, Sent, Unserved

ALL = ("a@x", "b@x", "c@x")
LATER = Unserved(address="b@x", reason="later", again=True)
NO = Unserved(address="c@x", reason="no", again=False)

CASES: list[tuple[DeliveryResult, dict[str, str], dict[str, str]]] = [
    (Sent(detail="ok"), dict.fromkeys(ALL, ""), {}),
    (Sent(detail="ok", unserved=(LATER, NO)), {"a@x": "", "c@x": "no"}, {"b@x": "later"}),
    (Again(reason="busy"), {}, dict.fromkeys(ALL, "busy")),
    (Again(reason="busy", unserved=(LATER, NO)), {"c@x": "no"}, {"a@x": "busy", "b@x": "later"}),
    (Never(reason="bad"), dict.fromkeys(ALL, "bad"), {}),
    (Never(reason="bad", unserved=(LATER, NO)), {"a@x": "bad", "b@x": "later", "c@x": "no"}, {}),
    (
        InDoubt(reason="?", unserved=(NO,)),
        {"c@x": "no"},
        dict.fromkeys(("a@x", "b@x"), "it is not known whether it was accepted"),
    ),
    (Paused(reason="paused"), {}, dict.fromkeys(ALL, "paused")),
]


@pytest.mark.parametrize(("result", "settled", "waits"), CASES)
def test_each_recipient_has_an_outcome_of_its_own(
    result: DeliveryResult, settled: dict[str, str], waits: dict[str, str]
) -> None:
    standing = after(ALL, {}, result)
    assert (standing.settled, standing.waits) == (settled, waits)
    assert standing.settled.keys() | standing.waits.keys() == set(ALL)
    assert not standing.settled.keys() & standing.waits.keys()


@pytest.mark.parametrize("result", [one for one, _, _ in CASES])
def test_who_is_settled_stays_so(result: DeliveryResult) -> None:
    """Whatever comes of a later attempt, nobody is served twice."""
    before = {"a@x": "", "c@x": "no"}
    standing = after(ALL, before, result)
    assert standing.settled.items() >= before.items()
    assert standing.waits.keys() <= {"b@x"}


def test_what_people_are_told() -> None:
    standing = Standing({"a@x": "", "c@x": "no"}, {"b@x": "later"})
    assert told(standing) == "not to c@x: no; not to b@x: later"
    assert standing.anybody
    assert [one for one in ALL if standing.has(one)] == ["a@x"]
    assert told(standing.given_up("given up")) == "not to c@x: no; not to b@x: given up: later"
    assert told(Standing({"a@x": ""}, {})) == ""
