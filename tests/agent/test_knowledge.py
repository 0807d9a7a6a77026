"""The house's own texts: the right ones, from the right mailbox, with their source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.knowledge import FOR_A_PERSON, FOUND, search, texts_in, told
from agent.models.base import FunctionCall, FunctionOutput, Item, Message
from agent.playbook import Entry, Playbook, load
from agent.tools import ARGUMENTS
from tests.agent.postroom import CUSTOMER, HOURS, SALES, SUPPORT, Scripted, configuration, house
from tests.agent.test_run import ASKS

FIXTURES = Path(__file__).parents[2] / "fixtures"
DATA = Path(__file__).parent / "data"


def entry(name: str, body: str = "A text.\n", **more: object) -> Entry:
    given = {"id": name, "intent": name, "trigger": (name,), "examples": (f"About {name}?",), "body": body}
    return Entry.model_validate({**given, **more})


def names(playbook: Playbook, query: str) -> list[str]:
    return [one.id for one in search(playbook, query)]


@pytest.mark.parametrize("kind", ["unseen", "heldout"])
def test_the_right_text_is_found_in_customers_own_words(kind: str) -> None:
    """Of mails that ask for what the playbook has, nearly all find it first, and all but a few among three."""
    playbook = load(FIXTURES / "playbook")
    cases = json.loads((DATA / f"matching_{kind}.json").read_text("utf-8"))
    found = [
        (one["intent"], [entry.intent for entry in search(playbook, f"{one['subject']} {one['text']}")])
        for one in cases
        if one["intent"] in playbook.intents
    ]
    assert len(found) > 80
    assert sum(intents[:1] == [wanted] for wanted, intents in found) / len(found) >= 0.94
    assert sum(wanted in intents for wanted, intents in found) / len(found) >= 0.98


def test_rare_words_weigh_more_and_long_texts_do_not() -> None:
    """A long entry that says everything is not the answer to everything."""
    long = entry("everything", "delivery price shop order " * 50 + "voucher\n")
    playbook = Playbook(entries=(long, entry("voucher"), entry("delivery"), entry("price")), version="1")
    assert names(playbook, "is there a voucher?")[0] == "voucher"
    assert names(playbook, "nothing of it") == []
    assert names(playbook, "") == []
    assert len(names(playbook, "delivery price voucher")) == FOUND


def test_texts_without_spaces_between_words_are_found() -> None:
    """Japanese, say: letters that stand together count as words."""
    hours = entry("hours", "営業時間は午前九時から午後六時までです。\n", examples=("営業時間を教えてください",))
    playbook = Playbook(entries=(entry("shipping", "送料は無料です。\n"), hours), version="2")
    assert names(playbook, "土曜日の営業時間は?") == ["hours"]
    assert names(playbook, "送料はいくらですか")[0] == "shipping"


def test_what_is_told_names_its_source_and_keeps_what_a_person_answers() -> None:
    """Fields stay as they are; an entry for people gives no text."""
    mine = entry("status", "Order {{order}} is on its way.\n", variables={"order": {"pattern": "[0-9]+"}})
    output = told([mine, entry("complaint", "Internal: call the manager.\n", requested_action="person")])
    assert json.loads(output) == {
        "success": True,
        "found": [
            {"intent": "status", "text": "Order {{order}} is on its way.\n", "source": "status.md"},
            {"intent": "complaint", "text": FOR_A_PERSON, "source": "complaint.md"},
        ],
    }
    assert texts_in(output) == ["Order {{order}} is on its way.\n", FOR_A_PERSON]
    assert texts_in('{"success": false, "error": "x"}') == []


def searched(arguments: str) -> Item:
    return FunctionCall(call_id="s", name="search_knowledge", arguments=arguments)


async def test_another_mailboxes_texts_are_out_of_reach(tmp_path: Path) -> None:
    """The mail came to support: what sales knows is not searched, whatever the model asks for."""
    other = tmp_path / "sales"
    other.mkdir()
    (other / "canary.md").write_text(
        '+++\nintent = "canary"\ntrigger = ["opening"]\nexamples = ["opening hours"]\n+++\nopening hours CANARY\n'
    )
    shared = {"address": SUPPORT, "playbook": Path(__file__).parent / "playbook"}
    config = configuration(tmp_path, mailbox=[shared, {"address": SALES, "playbook": other}])
    model = Scripted(searched('{"query": "opening hours canary"}'), extraction=ASKS)
    async with house(tmp_path, model=model, config=config) as home:
        await home.receive(HOURS)
        await home.settle()
    (output,) = [item.output for item in model.requests[-1].items if isinstance(item, FunctionOutput)]
    assert "hours.md" in output
    assert "CANARY" not in output


@pytest.mark.parametrize(
    "arguments", ["{}", '{"query": ""}', '{"query": 7}', '{"query": "x", "mailbox": "sales@x.example"}', '{"query": ']
)
async def test_broken_arguments_are_answered_with_an_error(tmp_path: Path, arguments: str) -> None:
    """As with the other tools: nothing is searched, the run goes on."""
    model = Scripted(searched(arguments), extraction=ASKS)
    async with house(tmp_path, model=model) as home:
        await home.receive(HOURS)
        await home.settle()
    (output,) = [item.output for item in model.requests[-1].items if isinstance(item, FunctionOutput)]
    assert json.loads(output)["success"] is False


@pytest.mark.parametrize(("looks", "doubted"), [(True, False), (False, True)])
async def test_a_number_from_a_text_that_was_found_has_its_source(tmp_path: Path, looks: bool, doubted: bool) -> None:
    """A reply may use what a search gave, of another intent too; the same number from nowhere is pointed out."""
    folder = tmp_path / "playbook"
    folder.mkdir()
    for name, body in (("hours", "We are open.\n"), ("parking", "There are\n437 places behind the house.\n")):
        head = (
            f'intent = "{"opening_hours" if name == "hours" else name}"\ntrigger = ["{name}"]\nexamples = ["{name}?"]'
        )
        (folder / f"{name}.md").write_text(f"+++\n{head}\n+++\n{body}")
    config = configuration(tmp_path, mailbox=[{"address": SUPPORT, "playbook": folder}])
    given = {"to": CUSTOMER, "subject": "Re: A question", "body": "There are 437 places to park.\n"}
    send = FunctionCall(call_id="c", name="send_email", arguments=json.dumps(given))
    first: Item = searched('{"query": "parking"}') if looks else Message(role="user", text="")
    turns = (first, send) if looks else (send,)
    async with house(tmp_path, model=Scripted(*turns, extraction=ASKS), config=config) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert any("437" in reason for reason in (await home.waiting(mail_id)).reasons) is doubted


def test_each_tool_that_is_offered_is_answered() -> None:
    """What the prompt tells of and what the code does are the same three."""
    from agent.prompt import TOOLS

    assert {tool.name for tool in TOOLS} == set(ARGUMENTS)
    for tool in TOOLS:
        assert list(tool.parameters["properties"]) == list(ARGUMENTS[tool.name].model_fields)
