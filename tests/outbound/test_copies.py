"""Several recipients in one mail: each is served once, whatever becomes of the others."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from outbound.authorize import left_over
from outbound.contracts import ApprovedEmail, DeliveryResult, InDoubt, Never, Sent
from outbound.couriers.registry import open_courier
from outbound.enclosures import File
from outbound.settings import CourierSettings
from tests.outbound.mails import KEY, approved
from tests.outbound.smtp_peers import scripted, sink
from tests.outbound.test_apis import TAKEN, answer, peer
from tests.outbound.test_apis import settings as api_settings

ANN, BO, CY = "ann@customer.example", "bo@x.example", "cy@y.example"
TO_THREE = approved(way="approved", copies=(BO, CY), files=(File(name="offer.pdf", data=b"%PDF"),))
NO, LATER, YES = "550 5.1.1 nobody", "450 4.2.0 later", "250 ok"
BLOCKED = "550 5.7.1 blocked"


async def deliver(email: ApprovedEmail, port: int) -> DeliveryResult:
    fields: dict[str, Any] = {"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"}
    courier = open_courier(CourierSettings.model_validate(fields))
    try:
        return await courier.deliver(email)
    finally:
        await courier.close()


def left(result: DeliveryResult) -> dict[str, tuple[bool, bool]]:
    """Who was not served: whether they may be later, whether nobody is there."""
    return {one.address: (one.again, one.nobody) for one in getattr(result, "unserved", ())}


async def test_all_get_the_same_bytes_in_one_transaction() -> None:
    """A real server: one mail, three RCPT TO."""
    async with sink() as found:
        assert (await deliver(TO_THREE, found.port)).kind == "sent"
    (taken,) = found.accepted
    assert (taken.rcpt_to, taken.content) == ([ANN, BO, CY], TO_THREE.raw)


PARTS = [
    ([YES, NO, YES], "sent", {BO: (False, True)}),
    ([YES, LATER, YES], "sent", {BO: (True, False)}),
    ([NO, YES, LATER], "sent", {ANN: (False, True), CY: (True, False)}),
    ([YES, BLOCKED, BLOCKED], "sent", {BO: (False, False), CY: (False, False)}),
    ([YES, YES, "530 log in"], "sent", {CY: (True, False)}),
    ([NO, NO, BLOCKED], "never", {ANN: (False, True), BO: (False, True), CY: (False, False)}),
    ([NO, LATER, NO], "again", {ANN: (False, True), BO: (True, False), CY: (False, True)}),
    ([YES, NO, "421 closing"], "again", {BO: (False, True)}),
    (["reset"], "again", {}),
]


@pytest.mark.parametrize(("answers", "kind", "unserved"), PARTS)
async def test_a_recipient_that_is_refused_holds_nobody_back(
    answers: list[str], kind: str, unserved: dict[str, tuple[bool, bool]]
) -> None:
    """Who was taken at RCPT gets the mail, who was not is named; where nobody is taken there is no DATA."""
    async with scripted(rcpt=answers) as found:
        result = await deliver(TO_THREE, found.port)
    assert (result.kind, left(result)) == (kind, unserved)
    assert found.mails == ([TO_THREE.raw] if kind == "sent" else [])
    assert ("DATA" in found.commands) == (kind == "sent")


async def test_the_rest_is_served_and_nobody_twice() -> None:
    """The second attempt names those alone who have not got it; the bytes are the same."""
    async with scripted(rcpt=[YES, LATER, YES, YES]) as found:
        first = await deliver(TO_THREE, found.port)
        rest = left_over(TO_THREE, {ANN, BO, CY} - set(left(first)), KEY)
        second = await deliver(rest, found.port)
    assert isinstance(second, Sent)
    assert left(second) == {}
    asked = [line for line in found.commands if line.startswith("RCPT")]
    assert asked == [f"RCPT TO:<{one}>" for one in (ANN, BO, CY, BO)]
    assert found.mails == [TO_THREE.raw] * 2


@pytest.mark.parametrize(("dot", "kind"), [("reset", "in_doubt"), (LATER, "again"), (BLOCKED, "never")])
async def test_what_is_said_at_the_dot_is_for_those_who_were_taken(dot: str, kind: str) -> None:
    """Who was refused before surely has not got it, also where the rest is in doubt."""
    async with scripted(rcpt=[YES, NO, YES], dot=dot) as found:
        result = await deliver(TO_THREE, found.port)
    assert (result.kind, left(result)) == (kind, {BO: (False, True)})


async def test_one_recipient_that_nobody_reads_is_told_apart_from_a_block() -> None:
    """The first is suppressed for it, the second is our own trouble."""
    for said, nobody in (NO, True), (BLOCKED, False):
        async with scripted(rcpt=said) as found:
            result = await deliver(approved(), found.port)
        assert isinstance(result, Never)
        assert left(result) == {ANN: (False, nobody)}


@pytest.mark.parametrize("name", sorted(TAKEN))
async def test_a_provider_gets_the_copies_and_the_files(name: str) -> None:
    """As each takes them: in the bytes, or beside the text."""
    async with peer(answer(*TAKEN[name])) as found:
        courier = open_courier(api_settings(name, found.port))
        assert (await courier.deliver(TO_THREE)).kind == "sent"
        await courier.close()
    (_, _, body), pdf = found.asked[0], base64.b64encode(b"%PDF").decode()
    if name == "mailgun":
        assert f'name="to"\r\n\r\n{ANN},{BO},{CY}\r\n'.encode() in body
        assert TO_THREE.raw in body
        return
    data = json.loads(body)
    if name == "ses":
        assert data["Destination"] == {"ToAddresses": [ANN, BO, CY]}
        assert base64.b64decode(data["Content"]["Raw"]["Data"]) == TO_THREE.raw
    elif name == "postmark":
        assert data["Cc"] == f"{BO}, {CY}"
        assert data["Attachments"] == [{"Name": "offer.pdf", "Content": pdf, "ContentType": "application/pdf"}]
    elif name == "sendgrid":
        assert data["personalizations"][0]["cc"] == [{"email": BO}, {"email": CY}]
        assert data["attachments"][0]["content"] == pdf
    else:
        assert data["cc"] == [BO, CY]
        assert (data["attachments"][0]["filename"], data["attachments"][0]["content"]) == ("offer.pdf", pdf)


@pytest.mark.parametrize("name", ["postmark", "sendgrid", "resend"])
async def test_a_provider_that_cannot_serve_a_part_is_not_asked(name: str) -> None:
    """It would send to those who have it already."""
    async with peer(answer(*TAKEN[name])) as found:
        courier = open_courier(api_settings(name, found.port))
        assert (await courier.deliver(left_over(TO_THREE, {ANN}, KEY))).kind == "never"
        await courier.close()
    assert found.asked == []


async def test_an_address_that_postmark_gave_up_is_nobodys() -> None:
    """Inactive there: it bounced or complained. Among several recipients it does not say which."""
    for email, unserved in (approved(), {ANN: (False, True)}), (TO_THREE, {}):
        async with peer(answer(422, '{"ErrorCode": 406, "Message": "inactive"}')) as found:
            courier = open_courier(api_settings("postmark", found.port))
            result = await courier.deliver(email)
            await courier.close()
        assert (result.kind, left(result)) == ("never", unserved)


async def test_a_doubt_about_several_is_one_doubt() -> None:
    async with scripted(dot="timeout") as found:
        fields: dict[str, Any] = {"kind": "smtp", "host": "127.0.0.1", "port": found.port, "tls": "none"}
        courier = open_courier(CourierSettings.model_validate(fields | {"answer_timeout_seconds": 0.2}))
        result = await courier.deliver(TO_THREE)
        await courier.close()
    assert isinstance(result, InDoubt)
    assert left(result) == {}
