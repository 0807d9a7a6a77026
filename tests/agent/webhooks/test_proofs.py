"""Every provider through one suite: what is not proven, not of now, cut or of another kind is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from inbound.settings import WebhookSettings
from inbound.webhooks import forms
from inbound.webhooks.contract import Proven, Refusal, Request
from inbound.webhooks.door import secrets_of
from inbound.webhooks.registry import provider
from tests.agent.postroom import START
from tests.agent.webhooks.hooked import answers, hooked, known
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import (
    ALL,
    KEYED,
    OTHER,
    SIGNED_BODY,
    THIRD,
    TIMED,
    about,
    base,
    letter,
    public,
    verified,
)

each = pytest.mark.parametrize("name", ALL)
SHORT = letter(b"From: a@b.example\r\n\r\nx\r\n")
BY_SECRET = [one for one in ALL if "secret" in about(one).needs]
BITS = (0x01, 0x20, 0x80)
"""Of a byte: enough to change a digit, a letter's case, and what is ASCII at all."""
IN_THE_BODY = {
    "mailgun": ("timestamp", "token", "signature"),
    "mailgun-parsed": ("timestamp", "token", "signature"),
    "ses": ("Signature",),
}
"""Whose proof stands in the body, and where."""


def proofs(name: str, request: Request) -> list[tuple[str, str]]:
    """The headers that prove it: those that came with the signature."""
    form = name.partition("-")[2]
    plain = provider(base(name)).CLOTHES[form](SHORT)
    return [one for one in request.headers if one[0] not in {key for key, _ in plain.headers}] if name != "ses" else []


def field(request: Request, name: str, value: str) -> bytes:
    """One more field of a multipart form, before the others."""
    mark = (request.header("content-type") or "").split("boundary=")[1]
    return f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def without_a_proof(name: str, good: Request) -> Iterator[Request]:
    """No proof, each part of it missing, empty, and doubled."""
    plain = tuple(one for one in good.headers if one not in proofs(name, good))
    if proofs(name, good):
        yield replace(good, headers=plain)
    for header in proofs(name, good):
        others = tuple(one for one in good.headers if one != header)
        yield replace(good, headers=others)
        yield replace(good, headers=(*others, (header[0], "")))
        yield replace(good, headers=(*good.headers, header))
        yield replace(good, headers=(*good.headers, (header[0], "x")))
    for member in IN_THE_BODY.get(name, ()):
        if name == "ses":
            data = json.loads(good.body)
            value = data.pop(member)
            yield replace(good, body=json.dumps(data).encode())
            yield replace(good, body=json.dumps({**data, member: ""}).encode())
            for more in (value, "x"):
                yield replace(good, body=b'{"Signature": ' + json.dumps(more).encode() + b", " + good.body[1:])
        else:
            value = forms.read(good).text(member)
            named = f'name="{member}"\r\n\r\n{value}'.encode()
            yield replace(good, body=good.body.replace(named, f'name="other"\r\n\r\n{value}'.encode()))
            yield replace(good, body=good.body.replace(named, f'name="{member}"\r\n\r\n'.encode()))
            for more in (value, "x"):
                yield replace(good, body=field(good, member, more) + good.body)


@each
async def test_nothing_is_taken_that_is_not_proven(tmp_path: Path, name: str) -> None:
    """No proof at all, parts of it missing, empty or twice, another secret, another key."""
    async with hooked(tmp_path, name, known()) as it:
        bad = list(without_a_proof(name, dressed.request(name, letter(known()))))
        if name in BY_SECRET:
            bad.append(dressed.request(name, letter(known()), secret=OTHER))
        if name in KEYED:
            bad.append(dressed.request(name, letter(known()), which=2))
        assert len(bad) >= 4
        for request in bad:
            assert await it.post(name, request) == answers(name).unauthentic, request
        assert await it.stored() == []


@pytest.mark.parametrize("name", SIGNED_BODY)
def test_every_flipped_byte_is_refused(name: str) -> None:
    """Of the body, where the signature covers it."""
    good = dressed.request(name, SHORT)
    assert verified(name, good)
    for at in range(len(good.body)):
        for bit in BITS:
            body = bytearray(good.body)
            body[at] ^= bit
            if _says_the_same(name, bytes(body), good.body):
                continue
            assert not verified(name, replace(good, body=bytes(body))), (at, bit, bytes(body))


def _says_the_same(name: str, body: bytes, good: bytes) -> bool:
    """A percent sign may be written in two cases, and SNS signs members of JSON, not how it is written."""
    if name == "mandrill":
        return parse_qsl(body.decode("latin-1")) == parse_qsl(good.decode("latin-1"))
    if name != "ses":
        return False
    signed = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Signature", "SignatureVersion")
    try:
        one, other = json.loads(body), json.loads(good)
    except ValueError:
        return False
    return isinstance(one, dict) and "SigningCertURL" in one and all(one.get(key) == other.get(key) for key in signed)


@each
def test_every_flipped_byte_of_the_proof_is_refused(name: str) -> None:
    """In whichever header or field it stands; a password is its own only proof, and user names are not looked at."""
    good = dressed.request(name, SHORT)
    flipped = 0
    for header, value in proofs(name, good):
        for at in range(len("Basic ") if header == "authorization" else 0, len(value)):
            for bit in BITS:
                other = value[:at] + chr(ord(value[at]) ^ bit) + value[at + 1 :]
                if header == "authorization" and other[6:18] != value[6:18]:  # `postroom:`
                    continue
                headers = tuple((header, other) if one == (header, value) else one for one in good.headers)
                assert not verified(name, replace(good, headers=headers)), (header, other)
                flipped += 1
    for member in IN_THE_BODY.get(name, ()):
        value = str(json.loads(good.body)[member]) if name == "ses" else forms.read(good).text(member)
        start = good.body.index(value.encode())
        for at in range(start, start + len(value)):
            for bit in BITS:
                body = bytearray(good.body)
                body[at] ^= bit
                assert not verified(name, replace(good, body=bytes(body))), (member, bytes(body))
                flipped += 1
    assert flipped > 40


@pytest.mark.parametrize("name", [one for one in ALL if not about(one).signs])
def test_every_flipped_byte_of_a_secret_path_is_refused(name: str) -> None:
    """The other proof of who signs nothing; with both, or with neither, it is none."""
    source, secret = provider(base(name)), dressed.SECRET
    good = replace(source.CLOTHES[name.partition("-")[2]](SHORT), path_secret=secret)
    assert verified(name, good)
    for at in range(len(secret)):
        for bit in BITS:
            other = secret[:at] + chr(ord(secret[at]) ^ bit) + secret[at + 1 :]
            assert not verified(name, replace(good, path_secret=other))
    assert not verified(name, replace(good, path_secret=secret + "x"))
    assert not verified(name, replace(good, path_secret=""))
    both = replace(good, headers=(*good.headers, ("authorization", f"Bearer {secret}")))
    assert not verified(name, both)
    assert verified(name, replace(both, path_secret=""))


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("way", [-1, 1])
async def test_an_old_or_future_time_is_refused(tmp_path: Path, name: str, way: int) -> None:
    """The time that is signed: five minutes off, or as long as a provider's tries last; not a minute more."""
    limit = about(name).lasts or timedelta()
    async with hooked(tmp_path, name, known()) as it:
        late = dressed.request(name, letter(known()), now=START + way * (limit + timedelta(minutes=1)))
        assert await it.post(name, late) == answers(name).stale
        assert await it.stored() == []
        last = dressed.request(name, letter(known()), now=START + way * (limit - timedelta(minutes=1)))
        assert await it.post(name, last) == answers(name).taken


@pytest.mark.parametrize("name", BY_SECRET)
def test_two_secrets_are_taken_while_one_replaces_the_other(name: str) -> None:
    """The new and the previous one; not a third."""
    settings = dressed.settings(name, previous_secret=OTHER)
    for secret in (dressed.secret_of(name), OTHER):
        assert verified(name, dressed.request(name, letter(known()), secret=secret), settings)
    assert not verified(name, dressed.request(name, letter(known()), secret=THIRD), settings)


@pytest.mark.parametrize("name", KEYED)
def test_two_keys_are_taken_while_one_replaces_the_other(name: str) -> None:
    """As with secrets; SNS has its certificates, and a key of our own for trials."""
    keys = [public(dressed.key(about(name).key, which)) for which in (1, 2)]
    settings = dressed.settings(name, public_key=keys[0], previous_public_key=keys[1])
    source = provider(base(name))
    plain = source.CLOTHES[name.partition("-")[2]](SHORT)
    for which, taken in ((1, True), (2, True), (3, False)):
        assert verified(name, source.sign(plain, dressed.signing(name, which=which)), settings) is taken


@each
async def test_a_request_that_is_cut_is_refused_as_a_whole(tmp_path: Path, name: str) -> None:
    """Wherever it was cut: never half a mail; our word for it is the provider's own table."""
    async with hooked(tmp_path, name, known()) as it:
        good = dressed.request(name, letter(known()))
        for part in range(10):
            cut = replace(good, body=good.body[: len(good.body) * part // 10])
            assert await it.post(name, cut) in {answers(name).unreadable, answers(name).unauthentic}, part
        assert await it.post(name, replace(good, body=good.body[:-5])) != answers(name).taken
        assert await it.stored() == []


@pytest.mark.parametrize("name", [one for one in ALL if one != "ses"])
async def test_a_request_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    """By its content type; SNS says text/plain, or what its owner chose, and is read by what it is."""
    async with hooked(tmp_path, name, known()) as it:
        good = dressed.request(name, letter(known()))
        for kind in ("text/html", "", "image/png", "multipart/form-data", "application/xml; charset=utf-8"):
            headers = tuple((key, kind if key == "content-type" else value) for key, value in good.headers)
            said = await it.post(name, replace(good, headers=headers))
            assert said in {answers(name).unreadable, answers(name).unauthentic}, kind
        assert await it.stored() == []


def test_the_golden_vector_of_standard_webhooks() -> None:
    """As its specification prints it."""
    settings = WebhookSettings.model_validate({"provider": "raw", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    request = Request(
        b'{"test": 2432232314}',
        (
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ),
    )
    now = datetime.fromtimestamp(1614265330, UTC)
    verify = provider("raw").verify
    assert isinstance(verify(request, secrets_of(settings), now), Proven)
    assert isinstance(verify(replace(request, body=b"{}"), secrets_of(settings), now), Refusal)
    several = (*request.headers[:2], ("webhook-signature", f"v1a,x v1,AAAA {request.headers[2][1]}"))
    assert isinstance(verify(replace(request, headers=several), secrets_of(settings), now), Proven)
