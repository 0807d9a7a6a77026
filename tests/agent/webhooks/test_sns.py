"""Amazon SES by SNS: certificates from its own host alone, topics of ours alone, mail in the message or in S3."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agent.web.server import bind, serving
from inbound.webhooks.fetching import HttpFetcher
from tests.agent.postroom import SUPPORT
from tests.agent.webhooks.hooked import hooked, known
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import CERTIFICATE, SNS, TOPIC, Stores, letter

KEY = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "changes",
    [
        {"SigningCertURL": f"https://{SNS}.evil.example/SimpleNotificationService-0a.pem"},
        {"SigningCertURL": f"http://{SNS}/SimpleNotificationService-0a.pem"},
        {"SigningCertURL": f"https://evil.example/{SNS}/SimpleNotificationService-0a.pem"},
        {"SigningCertURL": f"https://user@{SNS}/SimpleNotificationService-0a.pem"},
        {"SigningCertURL": f"https://{SNS}:8443/SimpleNotificationService-0a.pem"},
        {"SigningCertURL": f"https://{SNS}@evil.example/SimpleNotificationService-0a.pem"},
        {"SigningCertURL": f"https://{SNS}/?Action=ConfirmSubscription"},
        {"SigningCertURL": f"https://{SNS}/other.pem"},
        {"SigningCertURL": "https://postroom.invalid/trial.pem"},
        {"SigningCertURL": "file:///etc/passwd"},
        {"SigningCertURL": ""},
        {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:mail"},
        {"TopicArn": TOPIC + "2"},
    ],
)
async def test_it_is_believed_from_its_own_host_and_for_our_topics_only(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    """No other place is even asked for a certificate, nor is Amazon for the topic of somebody else."""
    async with hooked(tmp_path, "ses", known()) as it:
        assert await it.post("ses", dressed.ses(letter(known()), **changes)) == 503
        assert it.stores.asked == []
        assert await it.stored() == []


@pytest.mark.parametrize(("version", "taken"), [("1", True), ("2", True), ("3", False)])
async def test_both_signatures_hold_and_no_third_one(tmp_path: Path, version: str, taken: bool) -> None:
    """SHA-1, which is still the default of a topic, and SHA-256."""
    async with hooked(tmp_path, "ses", known()) as it:
        request = dressed.ses(letter(known()), SignatureVersion=version)
        assert await it.post("ses", request) == (200 if taken else 503)


async def test_a_certificate_is_kept_once_something_was_proven_by_it(tmp_path: Path) -> None:
    """What came in its place, or is out of its time, is asked for again."""
    async with hooked(tmp_path, "ses", known()) as it:
        good = dressed.ses(letter(known()))
        for wrong in (b"an error page", dressed.certificate(until=-1).encode(), dressed.certificate(which=2).encode()):
            it.stores.found[CERTIFICATE] = wrong
            assert await it.post("ses", good) == 503
        it.stores.found[CERTIFICATE] = dressed.certificate().encode()
        for _ in range(3):
            assert await it.post("ses", good) == 200
        assert len(it.stores.asked) == 4


async def test_a_topic_of_ours_is_confirmed_at_its_own_host(tmp_path: Path) -> None:
    """By ConfirmSubscription; a URL in the message is never visited, not even one of Amazon's."""
    call = f"https://{SNS}/?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Amail&Token=t%2F1"
    async with hooked(tmp_path, "ses", known()) as it:
        it.stores.found[call] = b"<ok/>"
        for url in (f"https://{SNS}/?Action=DeleteTopic", "https://evil.example/"):
            request = dressed.sns("SubscriptionConfirmation", "", SubscribeURL=url, Token="t/1")
            assert await it.post("ses", request) == 200
        assert [url for url, _ in it.stores.asked if url != CERTIFICATE] == [call, call]
        foreign = dressed.sns("SubscriptionConfirmation", "", SubscribeURL="", Token="t", TopicArn=TOPIC + "2")
        assert await it.post("ses", foreign) == 503
        assert len(it.stores.asked) == 3


async def test_a_trial_proves_itself_by_the_operators_own_key_alone(tmp_path: Path) -> None:
    """Where one is set; Amazon's own way goes on beside it."""
    own = dressed.public(dressed.key("rsa", 2))
    trial = "https://postroom.invalid/trial.pem"
    async with hooked(tmp_path, "ses", known(), public_key=own) as it:
        for which, said in ((1, 503), (2, 200)):
            sign = dressed.signing("ses", which=which)
            assert await it.post("ses", dressed.ses(letter(known()), sign, SigningCertURL=trial)) == said
        assert it.stores.asked == []
        assert await it.post("ses", dressed.ses(letter(known(), SUPPORT, "sales@larkspur.example"))) == 200


class Loopback(httpcore2.AsyncNetworkBackend):
    """The way to every host leads to one port of this machine; names and certificates are what they were."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._through = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (its signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return await self._through.connect_tcp("127.0.0.1", self._port, timeout, local_address, socket_options)


def chain(folder: Path, host: str) -> ssl.SSLContext:
    """A server's certificate for `host`, of an authority of our own."""
    private, issuer = dressed.authority()
    key = dressed.key("rsa", 3)
    builder = dressed.unsigned(dressed.named(host), issuer.subject, key.public_key(), dressed.far())
    named = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    leaf = named.sign(private, hashes.SHA256())
    pem = serialization.Encoding.PEM
    file = folder / f"{host}.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(pem)
        + issuer.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def amazon(folder: Path, host: str, *, known_authority: bool) -> AsyncIterator[HttpFetcher]:
    """SNS's host over TLS on loopback, and a fetcher that asks it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = dressed.certificate().encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    trust = ssl.create_default_context()
    if known_authority:
        trust.load_verify_locations(cadata=dressed.authority()[1].public_bytes(serialization.Encoding.PEM).decode())
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=chain(folder, host))
    transport = httpx2.AsyncHTTPTransport(verify=trust)
    backend = Loopback(server.sockets[0].getsockname()[1])
    transport._pool = httpcore2.AsyncConnectionPool(ssl_context=trust, network_backend=backend)
    fetcher = HttpFetcher(httpx2.AsyncClient(transport=transport, trust_env=False))
    async with server:
        yield fetcher
        await fetcher.close()


@pytest.mark.parametrize(
    ("host", "known_authority", "said"),
    [(SNS, True, 200), (SNS, False, 503), ("sns.eu-west-1.evil.example", True, 503)],
)
async def test_the_certificate_comes_over_a_chain_that_holds(
    tmp_path: Path, host: str, known_authority: bool, said: int
) -> None:
    """Real TLS with a chain of our own: another authority's, or another host's, gives no certificate at all."""
    async with (
        amazon(tmp_path, host, known_authority=known_authority) as fetcher,
        hooked(tmp_path / "house", "ses", known(), fetcher) as it,
    ):
        assert await it.post("ses", dressed.ses(letter(known()))) == said
        assert len(await it.stored()) == (said == 200)


# --- S3 -----------------------------------------------------------------------------------------


def signed_right(asked: Asked, secret: str) -> bool:
    """Whether a request is signed as AWS Signature Version 4 says, by what really came over the wire."""
    scheme, _, rest = asked.headers["authorization"].partition(" ")
    parts = dict(one.strip().split("=", 1) for one in rest.split(","))
    _, day, region, service, end = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    lines = [f"{name}:{asked.headers[name].strip()}" for name in names]
    path, query = asked.scope["raw_path"].decode(), asked.scope["query_string"].decode()
    payload = asked.headers["x-amz-content-sha256"]
    canonical = "\n".join([asked.method, path, query, *lines, "", ";".join(names), payload])
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([scheme, asked.headers["x-amz-date"], f"{day}/{region}/{service}/{end}", hashed])
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    right = {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names) and service == "s3"
    return right and hmac.new(key, text.encode(), "sha256").hexdigest() == parts["Signature"]


@asynccontextmanager
async def storage(objects: dict[str, bytes], secret: str) -> AsyncIterator[str]:
    """A server that speaks S3: an object to who signs for it, 403 to all others."""

    async def get(asked: Asked) -> Response:
        found = objects.get(asked.url.path)
        if not signed_right(asked, secret):
            return PlainTextResponse("SignatureDoesNotMatch", 403)
        return Response(found) if found is not None else PlainTextResponse("NoSuchKey", 404)

    listening = bind("127.0.0.1", 0)
    async with serving(Starlette(routes=[Route("/{name:path}", get)]), listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def in_s3(key: str) -> Any:
    """What SES posts of a mail that its rule stored."""
    return dressed.sns(
        "Notification",
        json.dumps(
            {
                "notificationType": "Received",
                "mail": {"source": "ann@customer.example", "messageId": "d6iitobk75ur44p8kdnnp7g2n800"},
                "receipt": {
                    "recipients": [SUPPORT],
                    "action": {"type": "S3", "bucketName": "our-mail", "objectKey": key, "objectKeyPrefix": "in"},
                },
            }
        ),
    )


class Both:
    """The certificate from the tests, everything else over the network."""

    def __init__(self) -> None:
        self.network = HttpFetcher()

    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        if urlsplit(url).hostname == SNS:
            return dressed.certificate().encode()
        return await self.network.get(url, headers, most)


@pytest.mark.parametrize("key", ["in/d6iitobk75ur44p8kdnnp7g2n800", "in/ä b+c=d~e/ü"])
async def test_a_mail_in_s3_is_fetched_by_a_signed_request(tmp_path: Path, key: str) -> None:
    """Signature Version 4, checked by a server that speaks S3; another secret is refused, and the mail comes again."""
    access, _, secret = KEY.partition(":")
    network = Both()
    async with storage({f"/our-mail/{key}": known()}, secret) as place:
        config = {"region": "eu-west-1", "api_url": place}
        async with hooked(tmp_path / "wrong", "ses", known(), network, api_key=f"{access}:other", **config) as it:
            assert await it.post("ses", in_s3(key)) == 503
            assert await it.stored() == []
        async with hooked(tmp_path / "right", "ses", known(), network, api_key=KEY, **config) as it:
            assert await it.post("ses", in_s3(key)) == 200
            assert await it.post("ses", in_s3(key)) == 200
            assert len(await it.stored()) == 1
            assert await it.post("ses", in_s3("in/another")) == 503
    await network.network.close()


async def test_amazons_own_storage_is_asked_by_bucket_and_region(tmp_path: Path) -> None:
    """Without an `api_url`: over https, at the bucket's host."""
    place = "https://our-mail.s3.eu-west-1.amazonaws.com/in/1"
    stores = Stores({CERTIFICATE: dressed.certificate().encode(), place: known()}, [])
    async with hooked(tmp_path, "ses", known(), stores, api_key=KEY, region="eu-west-1") as it:
        assert await it.post("ses", in_s3("in/1")) == 200
        assert [url for url, _ in stores.asked] == [CERTIFICATE, place]
