"""Over a budget no model is called, and a person has the mail."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.budget import SCOPES, over
from agent.models.base import ModelAnswer, ModelRequest, Usage
from agent.models.settings import BudgetSettings, ModelSettings
from agent.states import MailStatus
from agent.store.spending import Spent
from tests.agent.postroom import HOURS, SALES, SUPPORT, Scripted, configuration, house

SERVER = {"base_url": "http://127.0.0.1:9/v1", "price_input": 2.0, "price_output": 10.0}


class Costly(Scripted):
    """Each answer says that it cost 1,000 tokens in and 100 out."""

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        answer = await super().respond(request)
        return answer.model_copy(update={"usage": Usage(input_tokens=1000, output_tokens=100)})


@pytest.mark.parametrize("scope", SCOPES)
def test_each_budget_counts_its_own(scope: str) -> None:
    """Tokens at the limit, or money by the prices, and the sentence says which."""
    none = dict.fromkeys(SCOPES, (0, 0))
    spent = Spent(**{**none, scope: (100, 1000)})
    model = ModelSettings.model_validate(SERVER)
    free = BudgetSettings.model_validate({f"{kind}_per_{one}": 0 for kind in ("tokens", "money") for one in SCOPES})
    assert over(spent, free, model) == ""
    assert over(spent, free.model_copy(update={f"tokens_per_{scope}": 1101}), model) == ""
    assert f"tokens for this {scope}" in over(spent, free.model_copy(update={f"tokens_per_{scope}": 1100}), model)
    assert over(spent, free.model_copy(update={f"money_per_{scope}": 0.0031}), model) == ""
    assert f"money for this {scope}" in over(spent, free.model_copy(update={f"money_per_{scope}": 0.003}), model)


@pytest.mark.parametrize(("scope", "calls"), [("sender", 2), ("mailbox", 2), ("day", 2)])
async def test_the_next_mail_costs_nothing_more(tmp_path: Path, scope: str, calls: int) -> None:
    """The first mail uses the budget up; the second is a person's without a call; a day later it goes on."""
    model = Costly(extraction="{}")
    config = configuration(tmp_path, model=SERVER, budget={f"tokens_per_{scope}": 2000})
    async with house(tmp_path, model=model, config=config) as home:
        await home.receive(HOURS)
        await home.settle()
        assert len(model.requests) == calls
        second = await home.receive(HOURS)
        await home.settle()
        assert len(model.requests) == calls
        mail = await home.mail(second)
        assert (mail.status, "used up" in mail.status_reason) == (MailStatus.PERSON, True)
        home.clock.advance(hours=25)
        await home.receive(HOURS)
        await home.settle()
        assert len(model.requests) == 2 * calls


async def test_mail_that_starts_no_run_is_counted_too(tmp_path: Path) -> None:
    """Newsletters, and copies of a mail by other ways: the model was asked, so it cost."""
    for listed, message_id, calls in ((True, "", 1), (False, "one@customer.example", 3)):
        folder, headers = tmp_path / str(calls), {"List-Id": "<news.customer.example>"} if listed else {}
        model = Costly(extraction="{}")
        config = configuration(folder, model=SERVER, budget={"tokens_per_sender": 1000 * calls})
        async with house(folder, model=model, config=config) as home:
            for n in range(3):
                await home.receive(HOURS, message_id=message_id, headers={**headers, "X-Way": str(n)})
                await home.settle()
            assert len(model.requests) == calls


async def test_other_senders_and_mailboxes_have_their_own(tmp_path: Path) -> None:
    """What one author spent is not the next one's."""
    for scope, more in (("sender", {"author": "bob@customer.example"}), ("mailbox", {"to": (SALES,)})):
        model = Costly(extraction="{}")
        config = configuration(tmp_path / scope, model=SERVER, budget={f"tokens_per_{scope}": 2000})
        async with house(tmp_path / scope, model=model, config=config) as home:
            await home.receive(HOURS, to=(SUPPORT,))
            await home.settle()
            await home.receive(HOURS, **more)
            await home.settle()
            assert len(model.requests) == 4


async def test_one_mail_is_bounded_too(tmp_path: Path) -> None:
    """Turn after turn of one mail ends where its tokens do."""
    from agent.models.base import FunctionCall

    turns = [FunctionCall(call_id=f"c{n}", name="read_inbox", arguments='{"limit": 1}') for n in range(8)]
    model = Costly(*turns, extraction="{}")
    config = configuration(tmp_path, model=SERVER, budget={"tokens_per_mail": 3000})
    async with house(tmp_path, model=model, config=config) as home:
        mail_id = await home.receive(HOURS)
        await home.settle()
        assert len(model.requests) == 3
        assert "tokens for this mail" in (await home.mail(mail_id)).status_reason
