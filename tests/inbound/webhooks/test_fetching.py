"""The second call: bounded, to named hosts alone, and whatever fails is an error that lets the mail come again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from agent.web.server import bind, serving
from inbound.webhooks.contract import Fetch
from inbound.webhooks.fetching import FetchError, HttpFetcher, allowed, mail_of, s3_headers


@asynccontextmanager
async def stores() -> AsyncIterator[tuple[HttpFetcher, str, list[Request]]]:
    asked: list[Request] = []

    async def answer(request: Request) -> Response:
        asked.append(request)
        match request.path_params["what"]:
            case "mail":
                return PlainTextResponse("Subject: x\r\n\r\nx\r\n")
            case "large":
                return PlainTextResponse("x" * 10_000)
            case "elsewhere":
                return RedirectResponse("/mail")
        return PlainTextResponse("no", 404)

    listening = bind("127.0.0.1", 0)
    fetcher = HttpFetcher()
    async with serving(Starlette(routes=[Route("/{what}", answer)]), listening):
        try:
            yield fetcher, f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        finally:
            await fetcher.close()


async def test_the_bytes_of_a_200_come_as_they_are() -> None:
    """With the headers that were asked for."""
    async with stores() as (fetcher, base, asked):
        assert await fetcher.get(f"{base}/mail", {"authorization": "Bearer k"}, 1000) == b"Subject: x\r\n\r\nx\r\n"
        assert asked[0].headers["authorization"] == "Bearer k"


@pytest.mark.parametrize(("what", "why"), [("missing", "answered 404"), ("large", "more than"), ("elsewhere", "307")])
async def test_anything_else_is_an_error(what: str, why: str) -> None:
    """Not there, larger than it may be, or a redirect, which is not followed."""
    async with stores() as (fetcher, base, asked):
        with pytest.raises(FetchError, match=why):
            await fetcher.get(f"{base}/{what}", {}, 1000)
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_s3_is_asked_as_its_documentation_signs(query: str, signature: str) -> None:
    """The examples of "Signature calculations for the Authorization header" in the reference of S3's API."""
    access, secret = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    now = datetime(2013, 5, 24, tzinfo=UTC)
    made = s3_headers("examplebucket.s3.amazonaws.com", "/", access, secret, "us-east-1", now, query=query)
    assert made["authorization"].endswith(f"Signature={signature}")


async def test_a_host_that_is_not_there_is_an_error() -> None:
    """And so is what is no URL."""
    fetcher = HttpFetcher()
    for url in ("http://127.0.0.1:9/x", "nonsense://x", "http://"):
        with pytest.raises(FetchError):
            await fetcher.get(url, {}, 1000)
    await fetcher.close()


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://store.resend.com/x", True),
        ("https://STORE.resend.com/x", True),
        ("https://store.resend.com:443/x", True),
        ("https://resend.com.evil.example/x", False),
        ("https://evilresend.com/x", False),
        ("http://store.resend.com/x", False),
        ("https://store.resend.com:8443/x", False),
        ("https://user@store.resend.com/x", False),
        ("https://store.resend.com@evil.example/x", False),
        ("https://127.0.0.1/x", False),
        ("https://[::1]/x", False),
        ("https://store.resend.com:x/", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_only_named_hosts_are_asked(url: str, may: bool) -> None:
    """By https, at its own port, without a user's name."""
    assert allowed(url, (".resend.com",)) is may


@pytest.mark.parametrize("key", ["", "AKIA", "AKIA:"])
async def test_a_bucket_needs_a_key_and_a_region(key: str) -> None:
    """Said in the log, and the mail comes again when they are set."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with pytest.raises(FetchError, match="api_key"):
        await mail_of(Fetch("s3://bucket/key", ()), HttpFetcher(), key=key, region="eu-west-1", most=10, now=now)
