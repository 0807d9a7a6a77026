"""The sender: recorded before the wire, checked on the bytes that leave, and never a retry of what may have gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import pytest
import structlog

from outbound.contracts import (
    Again,
    ApprovedEmail,
    Claim,
    Courier,
    DeliveryResult,
    Held,
    InDoubt,
    Never,
    Refused,
    Sent,
)
from outbound.couriers.smtp import SmtpCourier
from outbound.sender import send_due
from outbound.settings import CourierSettings
from tests.outbound.mails import KEY, NOW, approved
from tests.outbound.smtp_peers import scripted

EMAIL = approved()
OK = Sent(detail="250 ok")


class Recorder:
    """An outbox with at most one due mail, and a courier; both write into one list what was asked of them."""

    name = "recorder"

    def __init__(self, email: ApprovedEmail | None = EMAIL, *, result: DeliveryResult | BaseException = OK) -> None:
        self.claimed = Claim(outbox_id="o1", token=7, attempts=2, email=email) if email else None
        self.begun: Callable[[Claim], Claim | Refused | Held] = lambda claim: claim
        self.result = result
        self.current = True
        self.calls: list[str] = []
        self.outcomes: list[DeliveryResult] = []

    async def claim(self, now: datetime) -> Claim | None:
        self.calls.append("claim")
        return self.claimed

    async def begin_attempt(self, claim: Claim, now: datetime) -> Claim | Refused | Held:
        self.calls.append("begin_attempt")
        return self.begun(claim)

    async def finish(self, claim: Claim, result: DeliveryResult, now: datetime) -> bool:
        self.calls.append("finish")
        self.outcomes.append(result)
        return self.current

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        self.calls.append("deliver")
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result

    async def close(self) -> None: ...

    async def run(self, courier: Courier | None = None) -> bool:
        return await send_due(self, courier or self, lambda: NOW, key=KEY)


async def test_nothing_due_is_nothing_done() -> None:
    recorder = Recorder(None)
    assert await recorder.run() is False
    assert recorder.calls == ["claim"]


async def test_the_attempt_is_recorded_before_the_courier_is_asked() -> None:
    recorder = Recorder()
    assert await recorder.run() is True
    assert recorder.calls == ["claim", "begin_attempt", "deliver", "finish"]


@pytest.mark.parametrize(
    "result", [Sent(detail="ok"), Again(reason="later"), Never(reason="no"), InDoubt(reason="who knows")]
)
async def test_the_couriers_word_is_recorded_as_it_is(result: DeliveryResult) -> None:
    recorder = Recorder(result=result)
    await recorder.run()
    assert recorder.outcomes == [result]


@pytest.mark.parametrize("error", [RuntimeError("x"), OSError("reset"), TimeoutError(), ValueError("password=secret")])
async def test_whatever_a_courier_raises_is_in_doubt_and_not_tried_again(error: Exception) -> None:
    recorder = Recorder(result=error)
    assert await recorder.run() is True
    (outcome,) = recorder.outcomes
    assert outcome.kind == "in_doubt"
    assert recorder.calls.count("deliver") == 1
    assert "secret" not in str(outcome)


@pytest.mark.parametrize("answer", [Held(reason="paused"), Refused(code="newer_mail", reason="a newer mail")])
async def test_held_and_refused_end_it_without_a_byte_on_the_wire(answer: Held | Refused) -> None:
    """And what is behind it is looked at at once: it is not due any more."""
    recorder = Recorder()
    recorder.begun = lambda _: answer
    async with scripted() as peer:
        assert await recorder.run(smtp(peer.port)) is True
    assert recorder.calls == ["claim", "begin_attempt"]
    assert peer.connections == 0


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "evil@x.example"},
        {"return_path": "evil@x.example"},
        {"raw": EMAIL.raw.replace(b"nine", b"ten ")},
        {"raw": EMAIL.raw.replace(b"To: Ann", b"To: Amm")},
        {"way": "approved"},
        {"policy_version": "v2"},
        {"seal": "0" * 64},
    ],
)
async def test_a_mail_that_was_touched_in_the_store_does_not_leave(change: dict[str, object]) -> None:
    recorder = Recorder(EMAIL.model_copy(update=change))
    async with scripted() as peer:
        await recorder.run(smtp(peer.port))
    (outcome,) = recorder.outcomes
    assert outcome.kind == "never"
    assert peer.connections == 0


async def test_the_bytes_that_begin_attempt_returned_are_those_checked_and_sent() -> None:
    """A claim may be old; what counts is what stood in the store when the attempt was committed."""
    recorder = Recorder(EMAIL)
    touched = EMAIL.model_copy(update={"recipient": "evil@x.example"})
    recorder.begun = lambda claim: claim.model_copy(update={"email": touched})
    await recorder.run()
    assert "deliver" not in recorder.calls
    assert recorder.outcomes[0].kind == "never"


async def test_a_stale_token_is_no_reason_to_send_again() -> None:
    recorder = Recorder()
    recorder.current = False
    assert await recorder.run() is True
    assert recorder.calls.count("deliver") == 1


async def test_a_cancelled_attempt_stays_recorded_without_an_outcome() -> None:
    recorder = Recorder(result=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await recorder.run()
    assert recorder.calls == ["claim", "begin_attempt", "deliver"]
    assert recorder.outcomes == []


async def test_the_log_has_ids_and_outcomes_and_neither_addresses_nor_text() -> None:
    with structlog.testing.capture_logs() as lines:
        await Recorder().run()
        await Recorder(EMAIL.model_copy(update={"seal": "x"})).run()
        await Recorder(result=InDoubt(reason=f"about {EMAIL.recipient}")).run()
    assert [line["event"] for line in lines].count("delivery.ended") == 3
    assert {line["outcome"] for line in lines if "outcome" in line} == {"sent", "never", "in_doubt"}
    assert not [line for line in lines if "ann" in str(line) or "nine" in str(line)]


async def test_a_real_delivery_from_end_to_end() -> None:
    recorder = Recorder()
    async with scripted() as peer:
        courier = smtp(peer.port)
        assert await recorder.run(courier) is True
        await courier.close()
    assert peer.mails == [EMAIL.raw]
    assert recorder.outcomes == [Sent(detail="250 2.0.0 queued as 1")]


def smtp(port: int) -> SmtpCourier:
    return SmtpCourier(CourierSettings(kind="smtp", host="127.0.0.1", port=port, tls="none"))
