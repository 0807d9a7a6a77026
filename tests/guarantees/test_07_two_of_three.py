"""Guarantee 7: a stranger's words, data beyond the author's own and a mail out do not come together unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from agent.gate import Person, decide
from agent.models.base import FunctionCall
from agent.policy import Rules, Settings
from agent.states import MailStatus
from agent.web.server import bind, serving
from tests.agent.judging import facts, judge, proposal
from tests.agent.postroom import HOURS, Scripted, configuration, house
from tests.agent.test_lookups import Shop
from tests.guarantees.attacker import Sink, send
from tests.guarantees.test_04_extraction import RIGHT


def verdict(*, foreign: bool) -> object:
    known = facts(foreign_data=foreign)
    return decide(judge(proposal(), known), known, template_id=proposal().template_id, auto_send=True, threshold=0.9)


def test_foreign_data_alone_makes_the_difference() -> None:
    """The same words, author and entry: seen by a person with it, unseen without."""
    assert isinstance(verdict(foreign=True), Person)
    assert not isinstance(verdict(foreign=False), Person)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_no_setting_takes_it_back(threshold: float) -> None:
    """Neither a threshold nor links that are allowed."""
    rules = Rules(settings=Settings(threshold=threshold, allowed_links=("https://shop.example/",)))
    known = facts(foreign_data=True)
    from agent.policy import evaluate

    found = evaluate("d-1", proposal(), known, rules)
    assert found.policy.decision == "review"
    assert "two_of_three" in {one.rule for one in found.findings}


@pytest.mark.parametrize("shared", [True, False])
async def test_a_run_that_read_what_is_nobodys_waits(tmp_path: Path, *, shared: bool) -> None:
    """The same lookup, answer, words and entry: with data bound to the author it leaves, else a person has it.

    And in the final bytes as in the proposal: what a person only looked at does not become the author's by that.
    """
    shop = Shop()
    shop.knows("LG-48213", status="on its way")
    app = Starlette(routes=[Route("/orders/{number:path}", shop.order)])
    lookup = shop.settings(**({"owner": "", "shared": True} if shared else {}))
    extraction = json.dumps({**RIGHT, "entities": [{"name": "order", "value": "LG-48213"}]})
    values = [{"name": "order", "value": "LG-48213"}]
    look = FunctionCall(call_id="c1", name="look_up", arguments=json.dumps({"name": "order_status", "values": values}))
    body = "Thank you for asking. We are open Monday to Saturday from 9 to 18.\n\nYour Larkspur team\n"
    model = Scripted(look, send(body=body), extraction=extraction)
    sink = Sink()
    config = configuration(tmp_path, lookup=[lookup])
    async with (
        serving(app, bind("127.0.0.1", shop.port)),
        house(tmp_path, model=model, config=config, courier=sink) as home,
    ):
        mail_id = await home.receive(f"{HOURS} My order is LG-48213.")
        await home.settle()
        status = (await home.mail(mail_id)).status
        assert len(shop.asked) == 1
        assert status is (MailStatus.WAITING if shared else MailStatus.ANSWERED)
        if shared:
            draft = await home.waiting(mail_id)
            assert "the reply could carry what is not the author's to know" in draft.reasons
            assert draft.proposal.template_id is not None, "nothing else stood in the way"
    assert len(sink.given) == (0 if shared else 1)
