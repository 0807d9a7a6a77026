"""The playbook: what is wrong with a folder is told, and only plain values are ever filled in."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.playbook import Entry, Playbook, PlaybookError, Variable, load, render, template_for, values_of, variables_in
from inbound.contracts import Entity, InboundEmailIntent

SHOP = Path(__file__).parents[2] / "fixtures" / "playbook"
HEAD = 'intent = "order"\ntrigger = ["order"]\nexamples = ["Where is my order?"]\n'
ORDER = Entry(
    id="order",
    intent="order",
    trigger=("order",),
    examples=("Where is my order?",),
    variables={
        "order": Variable(pattern=r"LG-\d{5}"),
        "name": Variable(pattern=r".{1,90}"),
        "status": Variable(pattern=r"[a-z ]+", source="lookup"),
    },
    body="Order {{order}} is {{ status }}.\n",
)


def folder(path: Path, **entries: str) -> Path:
    for name, text in entries.items():
        (path / f"{name}.md").write_text(text, "utf-8")
    return path


def entry(head: str = HEAD, body: str = "It is on its way.") -> str:
    return f"+++\n{head}+++\n{body}\n"


def intent(*entities: tuple[str, str], of: str = "order") -> InboundEmailIntent:
    return InboundEmailIntent(
        message_id="1@x.example",
        mailbox="support@larkspur.example",
        sender="ann@customer.example",
        intent=of,
        entities=tuple(Entity(name=name, value=value) for name, value in entities),
        confidence=0.99,
    )


def book(*entries: Entry) -> Playbook:
    return Playbook(entries=entries, version="1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no fence at all", "an entry is TOML between two lines of +++"),
        ("+++\nintent = \n+++\nHello", "not TOML"),
        (entry(HEAD + "auto_sent = true\n"), "auto_sent: unknown key; did you mean 'auto_send'?"),
        (entry(HEAD + "zzz = true\n"), "zzz: unknown key; known are intent, trigger"),
        (entry(HEAD.replace('"order"\n', '"Order!"\n', 1)), "intent: "),
        (entry(HEAD.replace('["order"]', "[]")), "trigger: "),
        (entry(HEAD + 'risk = "none"\n'), "risk: "),
        (entry(HEAD + 'auto_send = "yes, please"\n'), "auto_send: "),
        (entry(HEAD, "Order {{number}}"), "the text names variables that are not declared: number"),
        (entry(HEAD, ""), "the reply has no text"),
        (entry(HEAD.replace('"order"\n', '"none"\n', 1)), "the intent 'none' is ours"),
        (entry(HEAD + "[variables.order]\npattern = '('\n"), "variables.order.pattern: not a regular expression"),
        (entry(HEAD + "[variables.order]\npattern = '(a+)+'\n"), "a repeated group that repeats inside takes time"),
        (
            entry(HEAD + "[variables.order]\npatern = 'a'\n"),
            "variables.order.patern: unknown key; did you mean 'pattern'?",
        ),
    ],
)
def test_each_mistake_is_told_with_its_file(tmp_path: Path, text: str, told: str) -> None:
    """Somebody who mends a playbook reads the file's name and what is wrong there."""
    with pytest.raises(PlaybookError) as caught:
        load(folder(tmp_path, order=text))
    assert told in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """Nobody mends one file after the other only to meet the next mistake."""
    texts = {"one": "x", "two": entry(HEAD + "a = 1\n"), "right": entry()}
    with pytest.raises(PlaybookError) as caught:
        load(folder(tmp_path, **texts))
    assert len(str(caught.value).splitlines()) == 2


def test_a_folder_without_entries_is_no_playbook(tmp_path: Path) -> None:
    with pytest.raises(PlaybookError, match="there is no playbook"):
        load(tmp_path)


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "order.md").write_bytes(b"+++\nintent = \xff\n+++\n")
    with pytest.raises(PlaybookError, match=r"order\.md"):
        load(tmp_path)


def test_an_entry_for_people_needs_no_text(tmp_path: Path) -> None:
    """Where a person answers there is nothing to render."""
    loaded = load(folder(tmp_path, order=entry(HEAD + 'requested_action = "person"\n', "")))
    assert loaded.entries[0].requested_action == "person"


def test_the_version_changes_with_every_byte(tmp_path: Path) -> None:
    """A stored judgement says by which text it was made."""
    first = load(folder(tmp_path, order=entry()))
    second = load(folder(tmp_path, order=entry(body="It is on its way!")))
    assert first.version != second.version
    assert load(folder(tmp_path, order=entry())).version == first.version


@pytest.mark.parametrize(
    "value",
    [
        "<b>Ann</b>", "https://evil.example", "www.evil.example", "Ann\nBcc: x", "{{status}}", "[Ann](x)", "`x`",
        "a@b.example", "Ann\u202eknil", "x" * 101, "", "a//b", "50 %",
    ],
)  # fmt: skip
def test_a_value_that_is_not_plain_is_never_filled_in(value: str) -> None:
    """The pattern allows everything; markup, links, addresses, marks and line ends stay out all the same."""
    sample = ORDER.model_copy(update={"body": "Dear {{name}}"})
    assert render(sample, {"name": value}) == "Dear {{name}}"


def test_a_value_matches_its_pattern_as_a_whole() -> None:
    assert render(ORDER, {"order": "LG-12345"}) == "Order LG-12345 is {{ status }}.\n"
    for value in ("LG-1234", "LG-123456", "XLG-12345", "LG-12345 and more"):
        assert "{{order}}" in render(ORDER, {"order": value})


def test_a_value_is_not_rendered_a_second_time() -> None:
    """What was filled in is text, whatever stands in it."""
    both = ORDER.model_copy(update={"body": "{{name}}{{order}}"})
    assert render(both, {"name": "order", "order": "LG-12345"}) == "orderLG-12345"


def test_values_are_found_in_the_mail_and_those_of_lookups_are_not() -> None:
    text = "Is LG-123456 mine? No: LG-12345, and its status is sent."
    plain = ORDER.model_copy(update={"variables": {key: ORDER.variables[key] for key in ("order", "status")}})
    assert variables_in(plain, text) == {"order": "LG-12345"}


def test_two_values_of_one_name_are_none() -> None:
    """Which order is meant is for a person to say."""
    assert values_of(ORDER, intent(("order", "LG-12345"))) == {"order": "LG-12345"}
    assert values_of(ORDER, intent(("order", "LG-12345"), ("order", "LG-54321"))) == {}
    assert values_of(ORDER, intent(("status", "sent"))) == {}


WHOLE = ORDER.model_copy(update={"body": "Your order is {{order}}.\n\nThe shop\n"})


def test_a_rendering_is_recognised_to_the_letter() -> None:
    of = intent(("order", "LG-12345"))
    assert template_for("Your order is LG-12345.\r\n\r\nThe shop", of, book(WHOLE)) == "order"
    for other in (
        "Your order is LG-12345!\n\nThe shop\n",
        "Your order is LG-12345.\n\nThe shop\n\nPS: pay here",
        "your order is LG-12345.\n\nThe shop\n",
        "Your order is LG-54321.\n\nThe shop\n",
        "Your order is LG-12345.\nThe shop\n",
        "",
    ):
        assert template_for(other, of, book(WHOLE)) is None


def test_a_rendering_with_a_gap_or_of_another_intent_is_no_entrys() -> None:
    assert template_for(WHOLE.body, intent(), book(WHOLE)) is None
    assert template_for(render(ORDER, {"order": "LG-12345"}), intent(("order", "LG-12345")), book(ORDER)) is None
    body = render(WHOLE, {"order": "LG-12345"})
    assert template_for(body, intent(("order", "LG-12345"), of="hours"), book(WHOLE)) is None


def test_the_sample_shop_answers_unseen_only_what_changes_nothing() -> None:
    """Facts about the shop, and what its own records say of the author's order; nothing of high risk."""
    shop = load(SHOP)
    unseen = {one.intent for one in shop.entries if one.auto_send}
    assert unseen == {"opening_hours", "shipping", "returns", "payment_methods", "order_status"}
    for one in shop.entries:
        if one.auto_send:
            assert one.lookup or (not one.names and one.risk == "low")
            assert one.risk != "high"
        if one.requested_action == "person":
            assert one.risk == "high" or one.intent == "job_application"


def test_the_sample_shops_status_stays_a_gap() -> None:
    """The mail itself never answers where an order is: without the shop's records its reply waits."""
    status = load(SHOP).entry("order-status")
    assert status is not None
    assert "{{status}}" in render(status, variables_in(status, "Where is LG-48213? Its status is sent."))


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ('ask = "Which one?"\n', "nothing to ask the author for"),
        ('ask = "Is it {{order}}?"\n[variables.order]\npattern = "[0-9]{5}"\n', "names a variable"),
        ('tags = ["<b>"]\n', "tags"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(tmp_path: Path, head: str, problem: str) -> None:
    """Told with its file, before anything starts."""
    with pytest.raises(PlaybookError, match=problem):
        load(folder(tmp_path, order=entry(HEAD + head, "Text.\n")))
