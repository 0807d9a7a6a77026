"""The other wordings: complete, sound, and not copied from the playbook."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path

import pytest

from agent.demo_world import DemoKeys, demo_zone, load_fixtures
from agent.playbook import load
from inbound.contracts import Kind
from tests.scenarios.paraphrase import Case, cases, load_wordings, proves
from tests.test_fixtures import verify

HOUSE = Path(__file__).parent.parent.parent
MAIL = HOUSE / "fixtures" / "mail"
FIXTURES = {each.name: each for each in load_fixtures(MAIL)}
WORDINGS = load_wordings()
KEYS = DemoKeys()
ZONE = demo_zone(MAIL, FIXTURES.values(), KEYS)
CASES = list(cases(FIXTURES.values(), WORDINGS, datetime(2026, 11, 20, 12, 0, tzinfo=UTC), KEYS))

GRAM = 5

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_every_decided_fixture_has_three_other_wordings() -> None:
    """Wherever the words decide, other words must lead to the same."""
    decided = {name for name, each in FIXTURES.items() if each.expect.outcome in {"answered", "draft", "person"}}
    assert {name for name, wordings in WORDINGS.items() if len(wordings) >= 3} == decided


def test_every_case_stands_alone() -> None:
    """No two cases share author and Message-ID: none is taken for a copy of another one."""
    seen = Counter(
        (parseaddr(str(mail["From"]))[1], str(mail["Message-ID"]))
        for mail in (message_from_bytes(case.data, policy=policy.default) for case in CASES)
    )
    assert seen.most_common(1)[0][1] == 1


@every_case
def test_a_case_is_sound(case: Case) -> None:
    """It can be parsed; it is signed exactly where it should be; where nobody is proven, `answered` is wrong."""
    fixture, variant = FIXTURES[case.fixture], case.name.rpartition("/")[2]
    mail = message_from_bytes(case.data, policy=policy.default)
    assert not mail.defects
    assert case.data.count(b"\n") == case.data.count(b"\r\n")
    assert mail["From"].addresses[0].domain
    ours = 0 if variant == "unsigned" else len(fixture.sign)
    assert verify(case.data, ZONE)[:ours] == [True] * ours
    assert ours or not any(verify(case.data, ZONE))
    if proves(fixture, variant):
        assert case.expect.outcome == fixture.expect.outcome
        assert case.expect.authenticated == fixture.expect.authenticated
    else:
        assert not case.expect.authenticated
    assert case.expect.authenticated or "answered" not in case.right


def test_a_group_without_proof_is_any_list() -> None:
    """Unsigned, or sent to a mailbox that has no such forwarder: a draft at most."""
    of_group = [case for case in CASES if case.fixture == "22-group-forwards"]
    strange = [case for case in of_group if case.name.endswith(("/unsigned", "/other"))]
    assert {(case.expect.kind, case.expect.outcome) for case in strange} == {(Kind.BULK, "draft")}
    others = {(case.expect.kind, case.expect.outcome) for case in of_group if case not in strange}
    assert others == {(Kind.PERSONAL, "answered")}


def grams(text: str) -> set[tuple[str, ...]]:
    """Runs of five words, in lower case, without numbers and signs."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return {tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1)}


def test_no_wording_shares_five_words_with_the_playbook() -> None:
    """What is matched is not what was learnt: no fixture and no wording repeats an example of the playbook."""
    learnt = {
        gram: entry.id
        for entry in load(HOUSE / "fixtures" / "playbook").entries
        for line in (*entry.examples, *entry.trigger)
        for gram in grams(line)
    }
    written = {
        f"{name}/{number}": f"{each.subject}. {each.text}"
        for name, wordings in WORDINGS.items()
        for number, each in enumerate(wordings, 1)
    }
    written |= {name: each.normalized.new_text for name, each in FIXTURES.items() if each.normalized}
    shared = [
        (name, learnt[gram], " ".join(gram)) for name, text in written.items() for gram in grams(text) & learnt.keys()
    ]
    assert learnt
    assert shared == []
