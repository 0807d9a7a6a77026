"""The smtp courier against a real server: the approved bytes arrive, over verified TLS, and nothing else does."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import ValidationError

from outbound.contracts import ApprovedEmail, DeliveryResult
from outbound.couriers.registry import open_courier
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings
from tests.outbound.mails import approved
from tests.outbound.smtp_peers import accepts_only, certificate, scripted, sink


def settings(port: int, **changes: Any) -> CourierSettings:
    fields: dict[str, Any] = {"kind": "smtp", "host": "127.0.0.1", "port": port, "tls": "none"}
    return CourierSettings.model_validate(fields | changes)


async def deliver(email: ApprovedEmail, port: int, **changes: Any) -> DeliveryResult:
    courier = open_courier(settings(port, **changes))
    try:
        return await courier.deliver(email)
    finally:
        await courier.close()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": "Größe", "body": "Grüße\n.\n..\n.x\n\n.\n", "way": "approved"},
        {"body": "x" * 100_000},
        {"body": "a\n" * 20_000},
    ],
)
async def test_the_bytes_at_the_sink_are_the_bytes_that_were_approved(changes: dict[str, Any]) -> None:
    email = approved(**changes)
    async with sink() as peer:
        assert (await deliver(email, peer.port)).kind == "sent"
    (taken,) = peer.accepted
    assert taken.content == email.raw
    assert (taken.mail_from, taken.rcpt_to) == (email.return_path, [email.recipient])


async def test_dots_are_stuffed_on_the_wire_and_only_there() -> None:
    """`compose` leaves no line with a dot in front; a courier must not rely on that."""
    raw = b".first\r\n\r\n.\r\n..\r\n.end\r\n"
    email = approved().model_copy(update={"raw": raw})
    async with scripted() as peer:
        assert (await deliver(email, peer.port)).kind == "sent"
    assert peer.mails == [raw]


@pytest.mark.parametrize("raw", [b"a\nb\r\n", b"a\rb\r\n", b"a", b"a\r\n.\nb\r\n", b"a\r\n.\r"])
async def test_line_ends_that_would_have_to_be_mended_are_refused_before_connecting(raw: bytes) -> None:
    async with scripted() as peer:
        assert (await deliver(approved().model_copy(update={"raw": raw}), peer.port)).kind == "never"
    assert peer.connections == 0


@pytest.mark.parametrize("field", ["recipient", "return_path"])
@pytest.mark.parametrize(
    "hostile",
    [
        "ann@customer.example\r\nRCPT TO:<evil@x.example>",
        "ann@customer.example>\r\nDATA",
        "ann@customer.example> SIZE=1",
        "Ann <ann@customer.example>",
        "ann@customer.example ",
        "",
        "ann@Customer.example",
    ],
)
async def test_an_address_is_checked_before_connecting_and_never_mended(field: str, hostile: str) -> None:
    async with scripted() as peer:
        result = await deliver(approved().model_copy(update={field: hostile}), peer.port)
    assert result.kind == "never"
    assert peer.connections == 0


async def test_the_commands_are_these_and_no_others() -> None:
    async with scripted() as peer:
        email = approved()
        await deliver(email, peer.port)
    assert peer.commands == [
        "ehlo localhost".upper().replace("LOCALHOST", "localhost"),
        f"MAIL FROM:<{email.return_path}> SIZE={len(email.raw)}",
        f"RCPT TO:<{email.recipient}>",
        "DATA",
        "QUIT",
    ]


async def test_a_local_part_beyond_ascii_goes_by_smtputf8() -> None:
    email = approved(to_address="jörg@bücher.example")
    async with sink(enable_SMTPUTF8=True) as peer:
        assert (await deliver(email, peer.port)).kind == "sent"
    (taken,) = peer.accepted
    assert taken.rcpt_to == ["jörg@xn--bcher-kva.example"]
    assert {"SMTPUTF8", "BODY=8BITMIME"} <= set(taken.options)
    assert taken.content == email.raw


async def test_without_smtputf8_such_a_mail_is_for_a_person() -> None:
    async with sink(enable_SMTPUTF8=False) as peer:
        result = await deliver(approved(to_address="jörg@customer.example"), peer.port)
    assert result.kind == "never"
    assert "SMTPUTF8" in str(result)
    assert peer.accepted == []


async def test_an_ascii_address_at_an_international_domain_needs_no_smtputf8() -> None:
    async with sink(enable_SMTPUTF8=False) as peer:
        assert (await deliver(approved(to_address="ann@bücher.example"), peer.port)).kind == "sent"


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd sees no TLS that came before it
@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_mail_and_password_go_over_verified_tls(mode: str, tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "localhost")
    options: dict[str, Any] = {"authenticator": accepts_only(b"postroom", b"secret"), "auth_required": True}
    options |= {"tls_context": context, "require_starttls": True} if mode == "starttls" else {"implicit_tls": context}
    if mode == "tls":
        options["auth_require_tls"] = False
    login = {"username": "postroom", "password": "secret", "tls": mode, "ca_file": ca_file}
    async with sink(**options) as peer:
        result = await deliver(approved(), peer.port, **login)
        assert result.kind == "sent", result
        refused = await deliver(approved(), peer.port, **(login | {"password": "wrong"}))
        assert refused.kind == "again"
        assert "wrong" not in str(refused)
    assert len(peer.accepted) == 1
    assert peer.accepted[0].content == approved().raw


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd sees no TLS that came before it
@pytest.mark.parametrize("method", ["PLAIN", "LOGIN"])
async def test_each_way_to_log_in_works_where_it_is_the_only_one(method: str, tmp_path: Path) -> None:
    """RFC 4616, and the older one that some providers offer alone: by name, against a real server, over TLS."""
    ca_file, context = certificate(tmp_path, "localhost")
    used: list[str] = []

    def check(_server: object, _session: object, _envelope: object, mechanism: str, data: Any) -> AuthResult:
        used.append(mechanism)
        right = (data.login, data.password) == (b"post room", "pässwört".encode())
        return AuthResult(success=right, handled=right)

    options: dict[str, Any] = {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[method]
    login = {"username": "post room", "password": "pässwört", "tls": "tls", "ca_file": ca_file}
    async with sink(implicit_tls=context, auth_exclude_mechanism=[other], **options) as peer:
        assert (await deliver(approved(), peer.port, **login)).kind == "sent"
        refused = await deliver(approved(), peer.port, **(login | {"password": "wrong"}))
    assert refused.kind == "again"
    assert used == [method, method]
    assert len(peer.accepted) == 1


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_ends_the_attempt(mode: str, tmp_path: Path) -> None:
    _, context = certificate(tmp_path, "localhost")
    options: dict[str, Any] = {"tls_context": context} if mode == "starttls" else {"implicit_tls": context}
    async with sink(**options) as peer:
        result = await deliver(approved(), peer.port, tls=mode)
    assert result.kind == "again"
    assert "certificate" in str(result)
    assert peer.accepted == []


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_certificate_for_another_name_ends_the_attempt(mode: str, tmp_path: Path) -> None:
    ca_file, context = certificate(tmp_path, "elsewhere.example")
    options: dict[str, Any] = {"tls_context": context} if mode == "starttls" else {"implicit_tls": context}
    async with sink(**options) as peer:
        result = await deliver(approved(), peer.port, tls=mode, ca_file=ca_file)
    assert result.kind == "again"
    assert peer.accepted == []


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    """Whoever strips STARTTLS from the answer must gain nothing by it."""
    async with scripted() as peer:
        result = await deliver(approved(), peer.port, tls="starttls", username="u", password="secret")
    assert result.kind == "again"
    assert peer.mails == []
    assert not [line for line in peer.commands if line.upper().startswith(("AUTH", "MAIL"))]


async def test_connections_are_kept_for_the_next_mail_and_said_goodbye_to() -> None:
    async with scripted() as peer:
        courier = SmtpCourier(settings(peer.port))
        for _ in range(5):
            assert (await courier.deliver(approved())).kind == "sent"
        await courier.close()
    assert (peer.connections, len(peer.mails), peer.commands.count("QUIT")) == (1, 5, 1)


async def test_deliveries_side_by_side_never_share_a_connection() -> None:
    emails = [approved(message_id=f"p{number}@acme.example", body=f"mail {number}\n") for number in range(20)]
    async with scripted() as peer:
        courier = SmtpCourier(settings(peer.port, kept_connections=2))
        for _ in range(3):
            results = await asyncio.gather(*(courier.deliver(email) for email in emails))
            assert {result.kind for result in results} == {"sent"}
        await courier.close()
    assert sorted(peer.mails) == sorted([email.raw for email in emails] * 3)


async def test_where_nobody_can_say_whether_sending_is_paused_nothing_is_said() -> None:
    """The store is away between RCPT and DATA: nothing was given, so it is no doubt and no try that failed."""

    async def away(_email: ApprovedEmail) -> str:
        raise OSError("the store")

    async with scripted() as peer:
        courier = SmtpCourier(settings(peer.port), away)
        result = await courier.deliver(approved())
        await courier.close()
    assert result.kind == "paused"
    assert "DATA" not in peer.commands
    assert peer.mails == []


async def test_an_access_token_logs_in_and_is_read_for_each_connection(tmp_path: Path) -> None:
    """XOAUTH2, by the token that stands in the file then; one that is missing, empty or refused is for later."""
    file = tmp_path / "token"
    file.write_text("first\n")
    login = {"username": "postroom", "token_file": file}
    async with scripted(
        ehlo="250-peer\r\n250-8BITMIME\r\n250 AUTH XOAUTH2", auth=["235 ok", "235 ok", "535 no"]
    ) as peer:
        assert (await deliver(approved(), peer.port, **login)).kind == "sent"
        file.write_text("second\n")
        assert (await deliver(approved(), peer.port, **login)).kind == "sent"
        refused = await deliver(approved(), peer.port, **login)
        given = [b64decode(one.split()[2]) for one in peer.commands if one.startswith("AUTH XOAUTH2 ")]
        assert given[:2] == [b"user=postroom\x01auth=Bearer %b\x01\x01" % one for one in (b"first", b"second")]
        assert refused.kind == "again"
        assert "second" not in str(refused)
        for text in "", "two words":
            file.write_text(text)
            assert "holds no access token" in str(await deliver(approved(), peer.port, **login))
        file.unlink()
        assert (await deliver(approved(), peer.port, **login)).kind == "again"
        assert len(peer.mails) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"token_file": "t"},
        {"username": "postroom"},
        {"username": "postroom", "password": "x", "token_file": "t"},
        {"username": "postroom", "token_file": "t", "host": "mail.example"},
    ],
)
def test_one_secret_logs_in_and_never_over_plain_text(changes: dict[str, Any]) -> None:
    """A name with a password or a token, and TLS to any other machine."""
    with pytest.raises(ValidationError, match="courier"):
        settings(25, **changes)
