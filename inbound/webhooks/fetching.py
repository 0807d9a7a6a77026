"""The second call of providers that do not post the mail itself: bounded, and only where it may lead.

Rules:
- https, no redirect, no proxy of the environment; the host is one of those that the provider's file names, or the one
  that the operator names in its place (`api_url`: a stand-in for trials, or storage that speaks S3).
- A cap on bytes and on the time in all. What fails is a FetchError: the request is answered 503 and comes again.
- The API's key goes to the API alone, not to where the bytes are kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlsplit

import httpx2

from inbound.webhooks.contract import Fetch, UnreadableError, load_json, member

SECONDS = 20.0
SMALL = 100_000
"""Bytes of a certificate, or of the JSON that names a place."""


class FetchError(Exception):
    """It could not be had; the text is for the log."""


class Fetcher(Protocol):
    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        """The body of a 200. Raises FetchError."""


class HttpFetcher:
    """Over the network."""

    def __init__(self, client: httpx2.AsyncClient | None = None) -> None:
        self._client = client

    async def get(self, url: str, headers: dict[str, str], most: int) -> bytes:
        if self._client is None:
            self._client = httpx2.AsyncClient(follow_redirects=False, trust_env=False, timeout=SECONDS)
        try:
            async with asyncio.timeout(SECONDS), self._client.stream("GET", url, headers=headers) as answer:
                if answer.status_code != 200:
                    raise FetchError(f"{urlsplit(url).hostname} answered {answer.status_code}")
                found = bytearray()
                async for piece in answer.aiter_bytes():
                    found += piece
                    if len(found) > most:
                        raise FetchError(f"{urlsplit(url).hostname} sent more than {most:,} bytes")
                return bytes(found)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError) as error:
            raise FetchError(f"{urlsplit(url).hostname}: {type(error).__name__}") from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """https, a plain host of those named (`.suffix`: and what lies below), no other port."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" or port not in {None, 443} or parts.username or not url.isascii():
        return False
    return any(host == one or (one.startswith(".") and host.endswith(one)) for one in hosts)


async def mail_of(
    fetch: Fetch, fetcher: Fetcher, *, key: str, region: str, api: str = "", most: int, now: datetime
) -> bytes:
    """The bytes that a request only names; `api` takes the place of the provider's own. Raises FetchError."""
    if fetch.url.startswith("s3://"):
        return await _from_s3(fetch.url, fetcher, key=key, region=region, api=api, most=most, now=now)
    url = f"{api.rstrip('/')}{fetch.url.removeprefix(fetch.api)}" if api and fetch.api else fetch.url
    first = {"authorization": f"Bearer {key}", "accept": "application/json"} if fetch.bearer else {}
    first |= {fetch.header: key} if fetch.header else {}
    found = await fetcher.get(url, first, SMALL if fetch.then else most)
    if not fetch.then:
        return found
    try:
        place = member(load_json(found), *fetch.then.split("."))
    except UnreadableError as error:
        raise FetchError(f"the answer names no {fetch.then}: {error}") from None
    if not allowed(place, fetch.hosts) and not (api and place.startswith(f"{api.rstrip('/')}/")):
        raise FetchError(f"{fetch.then} leads to a host that is not allowed")
    return await fetcher.get(place, {}, most)


async def _from_s3(url: str, fetcher: Fetcher, *, key: str, region: str, api: str, most: int, now: datetime) -> bytes:
    """An object of the operator's bucket: signed GET (AWS Signature Version 4)."""
    bucket, _, name = url.removeprefix("s3://").partition("/")
    access, _, secret = key.partition(":")
    if not secret or not region or not bucket.replace("-", "").replace(".", "").isalnum():
        raise FetchError("the mail is in S3: webhook.api_key (ACCESS_KEY_ID:SECRET) and webhook.region are needed")
    if api:  # other storage has its buckets in the path
        parts = urlsplit(api)
        scheme, host, path = parts.scheme, parts.netloc, f"/{bucket}/{name}"
    else:
        scheme, host, path = "https", f"{bucket}.s3.{region}.amazonaws.com", f"/{name}"
    path = quote(path, safe="/-_.~")
    return await fetcher.get(f"{scheme}://{host}{path}", s3_headers(host, path, access, secret, region, now), most)


def s3_headers(
    host: str, path: str, access: str, secret: str, region: str, now: datetime, *, query: str = ""
) -> dict[str, str]:
    """Headers of a GET without a body, signed (AWS Signature Version 4); `query` in its canonical form."""
    stamp, empty = now.strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(b"").hexdigest()
    signed = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": stamp}
    names = ";".join(signed)
    request = "\n".join(["GET", path, query, *(f"{name}:{value}" for name, value in signed.items()), "", names, empty])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    said = f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**signed, "authorization": said}
