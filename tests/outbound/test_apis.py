"""Couriers of provider APIs against real HTTP on loopback: what is asked, and what every answer means."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from outbound.contracts import ApprovedEmail
from outbound.couriers import ses
from outbound.couriers.api import ApiCourier
from outbound.couriers.registry import open_courier
from outbound.settings import APIS, CourierSettings
from tests.outbound.mails import composed, policy, try_authorize

KEY = "key-of-the-provider"
EXTRA: dict[str, dict[str, str]] = {
    "ses": {"region": "eu-west-1", "api_key": "AKIDEXAMPLE:secret"},
    "mailgun": {"domain": "acme.example"},
}
TAKEN: dict[str, tuple[int, str, str]] = {
    "ses": (200, '{"MessageId": "0101"}', ""),
    "postmark": (200, '{"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a"}', ""),
    "mailgun": (200, '{"id": "<20261120@acme.example>", "message": "Queued. Thank you."}', ""),
    "sendgrid": (202, "", "X-Message-Id: 14c5d75ce93\r\n"),
    "resend": (200, '{"id": "49a3999c"}', ""),
}
every = pytest.mark.parametrize("name", sorted(APIS))


@dataclass
class Peer:
    """An HTTP server that notes what it was asked, and then does what a test says."""

    does: str | bytes = b""
    port: int = 0
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.does == "reset at once":
                return self._reset(writer)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.asked.append((head[0], headers, body))
            if self.does == "silence":
                await reader.read()
            elif self.does == "reset":
                return self._reset(writer)
            elif isinstance(self.does, bytes):
                writer.write(self.does)
                await writer.drain()
        finally:
            writer.close()
        return None

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()


def answer(status: int, body: str = "", more: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n{body}".encode()


@asynccontextmanager
async def peer(does: str | bytes) -> AsyncIterator[Peer]:
    found = Peer(does)
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


def settings(name: str, port: int, **changes: Any) -> CourierSettings:
    given: dict[str, Any] = {"kind": name, "api_key": KEY, "base_url": f"http://127.0.0.1:{port}"}
    given |= {"connect_timeout_seconds": 2, "command_timeout_seconds": 1, "answer_timeout_seconds": 0.5}
    return CourierSettings.model_validate({**given, **EXTRA.get(name, {}), **changes})


def approved(**changes: Any) -> ApprovedEmail:
    found = try_authorize(composed(**changes), policy(), way=changes.get("way", "unseen"))
    assert isinstance(found, ApprovedEmail), found
    return found


async def outcome(name: str, does: str | bytes, *, after: timedelta = timedelta(minutes=1)) -> tuple[str, Peer, str]:
    async with peer(does) as found:
        courier = open_courier(settings(name, found.port))
        assert isinstance(courier, ApiCourier)
        email = approved()
        courier._now = lambda: email.approved_at + after
        result = await courier.deliver(email)
        await courier.close()
    return result.kind, found, result.model_dump().get("reason", "") or result.model_dump().get("detail", "")


@every
async def test_a_mail_that_is_taken_is_sent_and_named(name: str) -> None:
    """One request, with the key in its place and in no text of ours."""
    kind, found, said = await outcome(name, answer(*TAKEN[name]))
    assert kind == "sent"
    assert len(found.asked) == 1
    assert KEY not in said
    sent = json.dumps([found.asked[0][1], found.asked[0][2].decode("latin-1")])
    secret = {"mailgun": base64.b64encode(f"api:{KEY}".encode()).decode(), "ses": "Credential=AKIDEXAMPLE/"}
    assert secret.get(name, KEY) in sent
    assert "AKIDEXAMPLE:secret" not in sent


def said_of(name: str, found: Peer) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(found.asked[0][2])
    return data


@every
async def test_it_says_what_was_approved(name: str) -> None:
    """The bytes where the provider takes them; else sender, recipient, subject, text and our own headers."""
    _, found, _ = await outcome(name, answer(*TAKEN[name]))
    email = approved()
    line, _, body = found.asked[0]
    if name == "mailgun":
        assert line.startswith("POST /v3/acme.example/messages.mime ")
        assert email.raw in body
        assert b'name="to"\r\n\r\nann@customer.example\r\n' in body
        return
    data = said_of(name, found)
    if name == "ses":
        assert base64.b64decode(data["Content"]["Raw"]["Data"]) == email.raw
        assert data["Destination"] == {"ToAddresses": ["ann@customer.example"]}
        return
    text = json.dumps(data)
    assert "Hello Ann,\\n\\nwe open at nine.\\n" in text
    assert "Re: Opening hours" in text
    headers = {one["Name"]: one["Value"] for one in data["Headers"]} if name == "postmark" else data["headers"]
    assert headers["Message-ID"] == "<p1abc@acme.example>"
    assert headers["In-Reply-To"] == "<q1@customer.example>"
    assert headers["References"] == "<q0@customer.example> <q1@customer.example>"
    assert headers["Auto-Submitted"] == "auto-replied"


@every
@pytest.mark.parametrize("key", ["cc", "bcc", "attachments", "html", "htmlbody", "cc_addresses"])
async def test_nobody_else_gets_it(name: str, key: str) -> None:
    """One recipient, no copy, no other form of the text."""
    _, found, _ = await outcome(name, answer(*TAKEN[name]))
    if name == "mailgun":
        assert found.asked[0][2].count(b"form-data; name=") == 3
        return
    assert f'"{key}"' not in json.dumps(said_of(name, found)).lower()


STATES = [
    ("reset at once", "doubt"),
    ("reset", "doubt"),
    ("silence", "doubt"),
    (b"garbage\r\n\r\n", "doubt"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", "doubt"),
    (answer(200, "not JSON"), "unnamed"),
    (answer(200, "{}"), "unnamed"),
    (answer(200, '{"id": {"a": 1}, "MessageID": [], "MessageId": true}'), "unnamed"),
    (answer(200, "[" * 50_000), "unnamed"),
    (answer(200, '{"id": "' + "x" * 70_000 + '"}'), "in_doubt"),
    (answer(302, "", "Location: http://127.0.0.1:1/\r\n"), "again"),
    (answer(401, '{"message": "no"}'), "again"),
    (answer(403), "again"),
    (answer(404), "again"),
    (answer(400, '{"message": "bad"}'), "never"),
    (answer(413), "never"),
    (answer(408), "again"),
    (answer(429, "", "Retry-After: 1\r\n"), "again"),
    (answer(503), "again"),
    (answer(500), "doubt"),
    (answer(502, "<html>"), "doubt"),
    (answer(504), "doubt"),
]


@every
@pytest.mark.parametrize(("does", "ends"), STATES, ids=[str(one[0])[:40] for one in STATES])
async def test_every_answer_has_its_outcome(name: str, does: str | bytes, ends: str) -> None:
    """Doubt is a person's, but where the provider knows the request by its key."""
    kind, _, _ = await outcome(name, does)
    unnamed = "never" if name == "sendgrid" else "doubt"  # its 200 means that nothing leaves
    wanted = unnamed if ends == "unnamed" else ends
    if wanted == "doubt":
        wanted = "again" if name == "resend" else "in_doubt"
    if does == "reset at once":  # seen while sending or while reading, as the machine has it: a doubt either way
        assert kind in {wanted, "again"} if name == "resend" else kind == wanted
        return
    assert kind == wanted


@every
async def test_who_is_not_there_is_asked_again(name: str) -> None:
    """Before anything was sent nothing was accepted."""
    async with peer(b"") as gone:
        port = gone.port
    courier = open_courier(settings(name, port))
    result = await courier.deliver(approved())
    await courier.close()
    assert result.kind == "again"


async def test_a_key_is_believed_only_as_long_as_it_is_surely_known() -> None:
    """Seven hours after the approval a doubt is a person's, even for who knows the key for a day."""
    assert (await outcome("resend", "silence", after=timedelta(hours=6)))[0] == "again"
    assert (await outcome("resend", "silence", after=timedelta(hours=7)))[0] == "in_doubt"


async def test_the_same_mail_has_the_same_key() -> None:
    """A copy of the request is known as one."""
    keys = [(await outcome("resend", answer(*TAKEN["resend"])))[1].asked[0][1]["idempotency-key"] for _ in range(2)]
    assert keys[0] == keys[1] == "p1abc@acme.example"


OWN = [
    ("postmark", answer(422, '{"ErrorCode": 406, "Message": "inactive"}'), "never"),
    ("postmark", answer(422, '{"ErrorCode": 300, "Message": "invalid"}'), "never"),
    ("postmark", answer(422, '{"ErrorCode": 405, "Message": "not allowed to send"}'), "again"),
    ("postmark", answer(422, '{"ErrorCode": 401}'), "again"),
    ("postmark", answer(422, '{"ErrorCode": 413, "Message": "account may not send"}'), "again"),
    ("postmark", answer(422, '{"ErrorCode": 402, "Message": "invalid JSON"}'), "never"),
    ("postmark", answer(422, '{"ErrorCode": 411, "Message": "forbidden attachment type"}'), "never"),
    ("postmark", answer(200, '{"ErrorCode": 406}'), "in_doubt"),
    ("resend", answer(409, '{"name": "concurrent_idempotent_requests"}'), "again"),
    ("resend", answer(409, '{"name": "invalid_idempotent_request"}'), "in_doubt"),
    ("resend", answer(400, '{"name": "validation_error", "message": "API key is invalid"}'), "again"),
    ("resend", answer(400, '{"name": "validation_error", "message": "to: invalid"}'), "never"),
    ("resend", answer(422, '{"name": "validation_error", "message": "x"}'), "never"),
    ("ses", answer(400, "{}", "x-amzn-ErrorType: MessageRejected:http://x\r\n"), "never"),
    (
        "ses",
        answer(400, '{"message": "Email address is not verified."}', "x-amzn-ErrorType: MessageRejected\r\n"),
        "again",
    ),
    ("ses", answer(404, "{}", "x-amzn-ErrorType: NotFoundException\r\n"), "again"),
    ("sendgrid", answer(451, "{}"), "again"),
    ("ses", answer(400, "{}", "x-amzn-ErrorType: LimitExceededException\r\n"), "again"),
    ("ses", answer(400, "{}", "x-amzn-ErrorType: MailFromDomainNotVerifiedException\r\n"), "again"),
    ("ses", answer(403, "{}", "x-amzn-ErrorType: InvalidSignatureException\r\n"), "again"),
    ("sendgrid", answer(200, "{}"), "never"),
]


@pytest.mark.parametrize(("name", "does", "ends"), OWN)
async def test_a_providers_own_words_count_first(name: str, does: bytes, ends: str) -> None:
    """As its documentation has them."""
    assert (await outcome(name, does))[0] == ends


async def test_control_characters_of_a_provider_stay_out_of_what_people_read() -> None:
    """Its words are one line of visible characters."""
    _, _, said = await outcome("mailgun", answer(400, json.dumps({"message": "a\r\nb\x1b[31m\u202e"})))
    assert "\n" not in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_a_request_is_signed_as_amazon_documents_it() -> None:
    """`get-vanilla-query-order-key-case` of the signature test suite: the same keys, date, region and service."""
    made = ses.signed(
        "GET",
        "/",
        {"host": "example.amazonaws.com"},
        b"",
        "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "us-east-1",
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        service="service",
        query="Param1=value1&Param2=value2",
    )
    signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    assert made["authorization"].endswith(f"SignedHeaders=host;x-amz-date, Signature={signature}")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "postmark", "api_key": ""}, "api_key is needed"),
        ({"kind": "postmark", "api_key": "two\nlines"}, "is no key"),
        ({"kind": "ses", "api_key": "AKID", "region": "eu-west-1"}, "ACCESS_KEY_ID:SECRET"),
        ({"kind": "ses", "api_key": "a:b"}, "region is needed"),
        ({"kind": "mailgun", "api_key": "k"}, "domain is needed"),
        ({"kind": "resend", "api_key": "k", "base_url": "http://api.example"}, "base_url"),
        ({"kind": "resend", "api_key": "k", "base_url": "https://u:p@api.example"}, "base_url"),
        ({"kind": "resend", "api_key": "k", "base_url": "https://api.example/"}, "slash"),
    ],
)
def test_settings_that_cannot_work_are_told(changes: dict[str, str], why: str) -> None:
    """Before anything starts."""
    with pytest.raises(ValidationError, match=why):
        CourierSettings.model_validate(changes)


def test_an_attempt_has_an_end() -> None:
    """So that a lease can be longer."""
    assert settings("ses", 1).longest_attempt_seconds == pytest.approx(3.5)
