"""What becomes of every fixture, and of the same mail in other words, unsigned and to other addresses of ours.

The whole service runs, with the demo's configuration, its playbook and its static zone; nothing depends on a fixture's
exact words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agent.config import Config, load
from agent.demo_world import DemoKeys, demo_zone, load_fixtures
from agent.reputation_settings import ReputationSettings
from agent.states import MailStatus
from agent.web.server import bind, serving
from inbound.resolver import StaticZone
from outbound.settings import LimitSettings
from tests.agent.postroom import START, House, free_port, house
from tests.scenarios.paraphrase import Case, cases, load_wordings

ROOT = Path(__file__).parent.parent.parent
MAIL = ROOT / "fixtures" / "mail"
FIXTURES = load_fixtures(MAIL)
KEYS = DemoKeys()
ORDERS = f"http://127.0.0.1:{free_port()}/orders/{{order}}?email={{author}}"
ZONE = StaticZone(demo_zone(MAIL, FIXTURES, KEYS))
CASES = list(cases(FIXTURES, load_wordings(), START, KEYS))
OUTCOMES = {
    MailStatus.ANSWERED: "answered",
    MailStatus.WAITING: "draft",
    MailStatus.PERSON: "person",
    MailStatus.RECORDED: "recorded",
    MailStatus.QUARANTINED: "quarantined",
    MailStatus.DUPLICATE: "joined",
    MailStatus.JOINED: "joined",
}


@pytest.fixture(autouse=True)
async def shop() -> AsyncIterator[None]:
    """A shop that knows every order as that of whoever asks: each case has an author of its own."""

    async def order(request: Request) -> JSONResponse:
        return JSONResponse({"email": request.query_params["email"], "status": "It left our warehouse yesterday."})

    at = urlsplit(ORDERS)
    async with serving(Starlette(routes=[Route("/orders/{number}", order)]), bind(str(at.hostname), int(at.port or 0))):
        yield


def demo_in(folder: Path) -> Config:
    """The demo's own configuration, on free ports, in a folder of the test, with room for all cases under the caps."""
    config = load(ROOT / "fixtures" / "demo.toml", {})
    wide = 100_000
    return config.model_copy(
        update={
            "postroom": config.postroom.model_copy(update={"data_dir": folder}),
            "listener": config.listener.model_copy(update={"port": 0}),
            "desk": config.desk.model_copy(update={"port": 0}),
            "courier": config.courier.model_copy(update={"path": folder / "replies"}),
            "limits": LimitSettings(per_domain=wide, per_mailbox=wide, total=wide),
            "reputation": ReputationSettings.unlimited(),
            "lookups": tuple(one.model_copy(update={"url": ORDERS}) for one in config.lookups),
        }
    )


async def became(home: House, mail_id: str) -> str:
    mail = await home.mail(mail_id)
    return OUTCOMES.get(mail.status, mail.status.value)


async def test_every_fixture_has_its_outcome(tmp_path: Path) -> None:
    """In the demo's order, each as its .json says."""
    wrong = []
    async with house(tmp_path, config=demo_in(tmp_path), zone=ZONE) as home:
        ids: dict[str, str] = {}
        for fixture in FIXTURES:
            envelope = fixture.envelope
            raw = fixture.message(START, KEYS)
            ids[fixture.name] = await home.receive_raw(raw, mail_from=envelope.mail_from, to=envelope.rcpt_to)
            await home.settle()
        for fixture in FIXTURES:
            found = await became(home, ids[fixture.name])
            if found not in {fixture.expect.outcome, *fixture.expect.also_right}:
                mail = await home.mail(ids[fixture.name])
                wrong.append(f"{fixture.name}: {found} ({mail.status_reason}), not {fixture.expect.outcome}")
            mail = await home.mail(ids[fixture.name])
            missing = set(fixture.expect.risks_include) - set((mail.normalized or {}).get("risks", ()))
            if missing and mail.normalized is not None:
                wrong.append(f"{fixture.name}: the risks {missing} were not found")
        answered = sum(fixture.expect.outcome == "answered" for fixture in FIXTURES)
        assert not wrong, "\n".join(wrong)
        assert len(home.replies()) == answered


def groups() -> dict[str, list[Case]]:
    """The cases by variant, so that they run side by side."""
    found: dict[str, list[Case]] = defaultdict(list)
    for case in CASES:
        found[case.name.rpartition("/")[2]].append(case)
    return found


async def outcomes(tmp_path: Path, chosen: Iterable[Case]) -> list[tuple[Case, str]]:
    async with house(tmp_path, config=demo_in(tmp_path), zone=ZONE) as home:
        ids = [(case, await home.receive_raw(case.data, mail_from=case.mail_from, to=case.rcpt_to)) for case in chosen]
        await home.settle()
        return [(case, await became(home, mail_id)) for case, mail_id in ids]


@pytest.mark.parametrize("variant", groups())
async def test_other_words_and_ways_never_send_what_may_not_be_sent(tmp_path: Path, variant: str) -> None:
    """No case is answered unseen that may not be; none is lost; what may be answered is answered or drafted."""
    found = await outcomes(tmp_path, groups()[variant])
    assert found
    sent = [case.name for case, outcome in found if outcome == "answered" and "answered" not in case.right]
    assert sent == [], "answered unseen, but a person should have looked"
    machines = [case.name for case, outcome in found if case.right == {"recorded"} and outcome != "recorded"]
    assert machines == []
    lost = [case.name for case, outcome in found if outcome not in set(OUTCOMES.values())]
    assert lost == []


async def test_benign_questions_in_other_words_are_answered(tmp_path: Path) -> None:
    """Refusing everything would be safe and useless: of proven, known questions nine in ten leave unseen."""
    benign = [case for case in CASES if case.expect.outcome == "answered"]
    found = await outcomes(tmp_path, benign)
    answered = sum(outcome == "answered" for _, outcome in found)
    drafted = sum(outcome in {"answered", "draft"} for _, outcome in found)
    misses = [f"{case.name}: {outcome}" for case, outcome in found if outcome != "answered"]
    assert answered >= 0.9 * len(found), "\n".join(misses)
    assert drafted >= 0.95 * len(found), "\n".join(misses)
