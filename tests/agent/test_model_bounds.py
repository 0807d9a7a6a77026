"""What a model says fits into bounds, or it said nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.models.base import FunctionCall, Item, Message, ModelAnswer, ModelRequest, Opaque
from agent.models.bounds import MAX_CALL_ID, MAX_CHARACTERS, MAX_ITEMS, bounded
from agent.states import MailStatus, RunState
from agent.store import runs
from agent.store.tables import model_call, tool_call
from tests.agent.postroom import HOURS, Scripted, house


def call(call_id: str = "c1", arguments: str = "{}") -> FunctionCall:
    return FunctionCall(call_id=call_id, name="read_inbox", arguments=arguments)


UNFIT: list[tuple[Item, ...]] = [
    (call("c" * (MAX_CALL_ID + 1)),),
    tuple(call(f"c{n}") for n in range(MAX_ITEMS + 1)),
    (call(arguments="x" * (MAX_CHARACTERS + 1)),),
    (Message(role="assistant", text="x" * (MAX_CHARACTERS + 1)),),
    (Opaque(raw={"type": "reasoning", "x": "x" * MAX_CHARACTERS}),),
    (Message(role="assistant", text="x" * (MAX_CHARACTERS // 2)), call(arguments="x" * (MAX_CHARACTERS // 2))),
]


@pytest.mark.parametrize("items", UNFIT, ids=range(len(UNFIT)))
async def test_what_does_not_fit_is_no_answer(tmp_path: Path, items: tuple[Item, ...]) -> None:
    """Nothing of it is done or kept; the run fails and a person has the mail."""
    async with house(tmp_path, model=Scripted(items, extraction="{}")) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert (await home.mail(mail_id)).status is MailStatus.PERSON
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            kept = [len(str(row.answer)) for row in await tx.execute(model_call.select())]
            assert (await tx.execute(tool_call.select())).first() is None
        assert run.state is RunState.FAILED
        assert max(kept) < 1000


def test_what_fits_is_taken_as_it_is() -> None:
    """The bounds themselves are within."""
    fits = (call("c" * MAX_CALL_ID), Message(role="assistant", text="x" * (MAX_CHARACTERS - 1000)))
    answer = ModelAnswer(id="1", model="m", status="completed", items=fits)
    assert bounded(answer) is answer


async def test_a_run_of_many_turns_is_stored_once(tmp_path: Path) -> None:
    """Each turn's request names how many stored items it held, instead of holding them all again."""

    class Endless(Scripted):
        async def respond(self, request: ModelRequest) -> ModelAnswer:
            self.turns = [call(f"c{len(self.requests)}", '{"limit": 1, "pad": "' + "x" * 50_000 + '"}')]
            return await super().respond(request)

    async with house(tmp_path, model=Endless(extraction="{}")) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        async with home.parts.database.read() as tx:
            (run,) = await runs.of_mail(tx, mail_id)
            asked = [row.request for row in await tx.execute(model_call.select().order_by(model_call.c.at))]
            stored = len(await runs.items(tx, run.id))
        assert run.state is RunState.INCOMPLETE
        turns = [one for one in asked if one["purpose"] == "run"]
        assert [one["run_items"] for one in turns] == [2 * n for n in range(run.turns)]
        assert turns[-1]["run_items"] <= stored
        assert len(str(turns[-1])) < 10_000
