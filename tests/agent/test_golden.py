"""Golden cases: the shipped ones hold, and a wrong one says in which way."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Config
from agent.golden import load_cases
from agent.policy_commands import policy_test
from tests.agent.postroom import configuration

HOUSE = Path(__file__).parents[2]
GOLDEN = HOUSE / "fixtures" / "policy" / "golden.toml"


def shipped(folder: Path, **changes: object) -> Config:
    mailbox = {
        "address": "support@larkspur.example",
        "name": "Larkspur",
        "playbook": HOUSE / "fixtures" / "playbook",
        **changes,
    }
    return configuration(folder, mailbox=[mailbox])


async def test_the_shipped_cases_are_decided_as_they_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the shipped playbook; nothing is opened or made."""
    assert await policy_test(shipped(tmp_path), GOLDEN) == 0, capsys.readouterr().out
    assert f"{len(load_cases(GOLDEN.read_text()))} of" in capsys.readouterr().out
    assert not (tmp_path / "postroom.db").exists()


async def test_a_case_that_is_decided_otherwise_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was expected and what was found; exit code 1."""
    file = tmp_path / "cases.toml"
    file.write_text(
        '[[case]]\nname = "links may go"\nreply = { body = "See https://evil.example/x" }\n'
        'expect = { decision = "allow", rules = ["two_of_three"] }\n'
    )
    assert await policy_test(shipped(tmp_path), file) == 1
    said = capsys.readouterr().out
    assert "wrong  links may go" in said
    assert "expected allow, found review" in said
    assert "links" in said


async def test_what_an_operator_sets_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules are those of the mailbox: an allowed link is one, a stricter rule denies."""
    file = tmp_path / "cases.toml"
    case = "[[case]]\nname='a link'\nreply={{body='See https://larkspur.example/x'}}\nexpect={{decision='{}'}}\n"
    file.write_text(case.format("review"))
    assert await policy_test(shipped(tmp_path), file) == 0
    file.write_text(case.format("deny"))
    assert await policy_test(shipped(tmp_path, stricter=["links"]), file) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[case]]\nname = 'x'\n", "case 1, reply: Field required"),
        ("[[case]]\nname='x'\nreply={body='y'}\nexpect={decision='maybe'}\n", "case 1, expect.decision"),
        (
            "[[case]]\nname='x'\nreply={body='y'}\nexpect={decision='deny', rules=['nosuch']}\n",
            "there is no rule nosuch",
        ),
        ("[[case]]\nname='x'\nmailbox='a@b.example'\nreply={body='y'}\nexpect={decision='deny'}\n", "is no mailbox"),
        ("[[case]]\nname='x'\nreply={entry='nosuch'}\nexpect={decision='deny'}\n", "has no entry"),
        ("[[case]]\nname='x'\nreply={entry='a', body='b'}\nexpect={decision='deny'}\n", "not both"),
        ("", "case: Field required"),
        ("[[case", "not TOML"),
    ],
)
async def test_a_file_that_cannot_be_meant_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """With the place of the mistake."""
    file = tmp_path / "cases.toml"
    file.write_text(text)
    assert await policy_test(shipped(tmp_path), file) == 1
    out = capsys.readouterr()
    assert said in " ".join((out.out + out.err).split())
