"""The fault matrix: wherever a server fails, and however, the attempt has one stated end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from outbound.contracts import DeliveryResult
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings
from tests.outbound.mails import approved
from tests.outbound.smtp_peers import NORMAL, closed_port, scripted, silent_port

EMAIL = approved()

FAULTS = {
    "silence": "timeout",
    "slow": "slow",
    "drip": "drip",
    "421": "421 4.3.2 going down",
    "450": "450 4.2.0 later",
    "550": "550 5.1.1 nobody",
    "reset": "reset",
    "half-close": "half-close",
    "garbage": "garbage",
    "flood": "flood",
}
"""`silence` at the dot is a mail that was accepted without a word; `drip` an answer that never ends."""
DOCUMENT = Path(__file__).parents[2] / "docs" / "couriers.md"


def documented() -> dict[str, tuple[str, ...]]:
    """The table of docs/couriers.md: where -> the end state of each fault, in the order of FAULTS."""
    _, _, rest = DOCUMENT.read_text("utf-8").partition("| where | " + " | ".join(FAULTS) + " |\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in rest.split("\n\n")[0].splitlines()[1:]]
    return {where: tuple(one.replace(" ", "_") for one in ends) for where, *ends in rows}


STEPS = {"greeting": "greeting", "EHLO": "ehlo", "MAIL": "mail", "RCPT": "rcpt", "DATA": "data", "final dot": "dot"}
END_STATES = {STEPS[where]: ends for where, ends in documented().items()}
WORST = [one for name, one in FAULTS.items() if name not in {"slow", "drip"}]
CELLS = [
    (step, fault, end)
    for step, ends in END_STATES.items()
    for fault, end in zip(FAULTS, ends, strict=True)
]  # fmt: skip


def settings(port: int, **changes: Any) -> CourierSettings:
    fields: dict[str, Any] = {
        "kind": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "connect_timeout_seconds": 5,
        "command_timeout_seconds": 5,
        "answer_timeout_seconds": 5,
    }
    return CourierSettings.model_validate(fields | changes)


def short(step: str) -> dict[str, float]:
    """Only the time-out that is meant: a busy machine must not turn another cell into one."""
    kind = {"greeting": "connect", "dot": "answer"}.get(step, "command")
    return {f"{kind}_timeout_seconds": 0.2}


async def deliver(port: int, **changes: Any) -> DeliveryResult:
    courier = SmtpCourier(settings(port, **changes))
    try:
        async with asyncio.timeout(20):
            return await courier.deliver(EMAIL)
    finally:
        await courier.close()


def test_the_table_has_every_cell() -> None:
    """Every step with every fault, each with one of the end states."""
    assert list(END_STATES) == list(STEPS.values())
    assert {len(ends) for ends in END_STATES.values()} == {len(FAULTS)}
    assert {end for ends in END_STATES.values() for end in ends} == {"sent", "again", "never", "in_doubt"}


@pytest.mark.parametrize(("step", "fault", "end"), CELLS)
async def test_every_fault_at_every_step_has_its_end_state(step: str, fault: str, end: str) -> None:
    async with scripted(**{step: FAULTS[fault]}) as peer:
        result = await deliver(peer.port, **(short(step) if fault in {"silence", "drip"} else {}))
    assert result.kind == end, result
    # One attempt is one connection and at most one mail: nothing is tried again in secret.
    assert peer.connections == 1
    assert len(peer.mails) == (1 if step == "dot" or fault == "slow" else 0)
    assert "\x1b" not in str(result)
    assert "\n" not in str(result)


@pytest.mark.parametrize("challenge", ["plain", "cram"])
@pytest.mark.parametrize("fault", [*WORST, "535 5.7.8 wrong", "334 !!! no base64", "334 \xff\xfe", "250 odd"])
async def test_whatever_fails_at_log_in_is_tried_again(fault: str, challenge: str) -> None:
    methods = "CRAM-MD5 PLAIN LOGIN" if challenge == "cram" else "PLAIN LOGIN"
    async with scripted(ehlo=f"250-peer\r\n250 AUTH {methods}", auth=fault) as peer:
        changes = short("auth") if fault == "timeout" else {}
        result = await deliver(peer.port, username="postroom", password="hunter2", **changes)
    assert result.kind == "again", result
    assert not [line for line in peer.commands if line.startswith("MAIL")]
    assert "hunter2" not in str(result)


@pytest.mark.parametrize("fault", [*WORST, "454 4.7.0 not now", "220 go, but in plain text"])
async def test_whatever_fails_at_starttls_is_tried_again_and_never_without_it(fault: str) -> None:
    """`220` from a server that then speaks no TLS is the case of somebody in between."""
    async with scripted(ehlo="250-peer\r\n250-STARTTLS\r\n250 AUTH PLAIN", star=fault) as peer:
        changes = short("star") if fault == "timeout" else {}
        result = await deliver(peer.port, tls="starttls", username="u", password="hunter2", **changes)
    assert result.kind == "again", result
    assert not [line for line in peer.commands if line.startswith(("MAIL", "AUTH"))]


@pytest.mark.parametrize("greeting", ["220 plain text here", "timeout", "reset", "half-close"])
async def test_a_server_that_speaks_no_tls_gets_nothing(greeting: str) -> None:
    async with scripted(greeting=greeting) as peer:
        result = await deliver(peer.port, tls="tls", username="u", password="hunter2", **short("greeting"))
    assert result.kind == "again", result
    assert peer.mails == []


async def test_a_refused_connection_is_tried_again() -> None:
    assert (await deliver(closed_port())).kind == "again"


async def test_a_connection_that_nobody_answers_is_tried_again() -> None:
    with silent_port() as port:
        assert (await deliver(port, **short("greeting"))).kind == "again"


async def test_a_name_that_does_not_resolve_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_dns(*args: object, **kwargs: object) -> object:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_dns)
    assert (await deliver(25, host="mail.acme.example", username="", tls="starttls")).kind == "again"


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("code", [530, 534, 535, 538])
async def test_our_credentials_are_not_the_mails_fault(step: str, code: int) -> None:
    """Such a mail has to go once the operator has set the password right."""
    async with scripted(**{step: f"{code} 5.7.0 authentication"}) as peer:
        assert (await deliver(peer.port)).kind == "again"


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("251 forwarded", "sent"),
        ("252 maybe", "sent"),
        ("299 odd", "sent"),
        ("354 what", "in_doubt"),
        ("150 what", "in_doubt"),
        ("600 what", "in_doubt"),
        ("25", "in_doubt"),
        ("ok 250", "in_doubt"),
        ("552 5.2.2 full", "never"),
        ("452 4.2.2 full", "again"),
    ],
)
async def test_the_first_digit_after_the_final_dot_decides(answer: str, end: str) -> None:
    async with scripted(dot=answer) as peer:
        assert (await deliver(peer.port)).kind == end


@pytest.mark.parametrize("answer", ["250 ok", "220 hm", "300 hm"])
async def test_without_354_no_byte_of_the_mail_goes_out(answer: str) -> None:
    async with scripted(data=answer) as peer:
        assert (await deliver(peer.port)).kind == "again"
    assert peer.mails == []


@pytest.mark.parametrize("fault", WORST)
async def test_what_happens_at_quit_changes_nothing(fault: str) -> None:
    async with scripted(quit=fault) as peer:
        result = await deliver(peer.port, kept_connections=0, **(short("quit") if fault == "timeout" else {}))
    assert result.kind == "sent"
    assert len(peer.mails) == 1


async def test_a_server_that_only_knows_helo_is_tried_again() -> None:
    async with scripted(ehlo="502 5.5.1 what") as peer:
        assert (await deliver(peer.port)).kind == "again"


@pytest.mark.parametrize("fault", ["timeout", "421 4.4.2 idle too long", "reset", "half-close"])
async def test_a_kept_connection_that_died_is_replaced_once(fault: str) -> None:
    """At MAIL the server has nothing yet, so this is the same attempt, not a second one."""
    async with scripted(mail=["250 ok", fault, "250 ok"]) as peer:
        courier = SmtpCourier(settings(peer.port, **(short("mail") if fault == "timeout" else {})))
        assert (await courier.deliver(EMAIL)).kind == "sent"
        assert (await courier.deliver(EMAIL)).kind == "sent"
        await courier.close()
    assert peer.connections == 2
    assert len(peer.mails) == 2


@pytest.mark.parametrize(("step", "end"), [("rcpt", "again"), ("data", "again"), ("dot", "in_doubt")])
async def test_a_kept_connection_that_dies_later_is_not_replaced(step: str, end: str) -> None:
    async with scripted(**{step: [NORMAL[step], "reset"]}) as peer:
        courier = SmtpCourier(settings(peer.port))
        assert (await courier.deliver(EMAIL)).kind == "sent"
        assert (await courier.deliver(EMAIL)).kind == end
        await courier.close()
    assert peer.connections == 1


async def test_a_refused_mail_leaves_no_connection_in_an_unknown_state() -> None:
    """After a refusal the connection is closed; the next mail starts afresh."""
    async with scripted(rcpt=["550 5.1.1 nobody", "250 ok"]) as peer:
        courier = SmtpCourier(settings(peer.port))
        assert (await courier.deliver(EMAIL)).kind == "never"
        assert (await courier.deliver(EMAIL)).kind == "sent"
        await courier.close()
    assert peer.connections == 2


async def test_a_cancelled_attempt_closes_its_connection() -> None:
    async with scripted(dot="timeout") as peer:
        courier = SmtpCourier(settings(peer.port, answer_timeout_seconds=30))
        attempt = asyncio.create_task(courier.deliver(EMAIL))
        await peer.got_mail.wait()
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        await courier.close()
    assert len(peer.mails) == 1
