"""The fixtures of fixtures/webhooks as requests, signed by the tests with keys of their own."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from inbound.webhooks.clothes import _form, _mailgun_signed
from inbound.webhooks.contract import Request
from inbound.webhooks.proofs import hexdigits, standard_key
from tests.agent.postroom import START
from tests.inbound.webhooks import dressed
from tests.inbound.webhooks.dressed import SECRET, STANDARD, URL

FOLDER = Path(__file__).parents[3] / "fixtures" / "webhooks"
JSON = "application/json"


def fixtures() -> list[str]:
    """`provider/name` of each request of a mail."""
    found = (path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/*.expected.json"))
    return sorted(one.removesuffix(".expected.json") for one in found)


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.expected.json").read_text("utf-8"))
    return found


def request(name: str) -> Request:
    """The request of one fixture, proven."""
    provider = name.partition("/")[0]
    if provider == "raw":
        query = (("from", "bounce@customer.example"), ("to", "support@larkspur.example"))
        body = (FOLDER / f"{name}.eml").read_bytes()
        return Request(body, _standard("webhook", "msg_2b5c", body, "message/rfc822"), query=query)
    data = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    if isinstance(data, dict) and "form" in data:
        return _formed(provider, data)
    return signed(provider, data)


def _formed(provider: str, data: dict[str, Any]) -> Request:
    fields: dict[str, Any] = dict(data["form"])
    if provider == "mailgun":
        fields |= {**_mailgun_signed(dressed.signing("mailgun"))}
    for name, (filename, kind, content) in data["files"].items():
        fields[name] = (filename, kind, base64.b64decode(content))
    if data.get("urlencoded"):
        body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
    else:
        body, kind = _form(fields)
    if provider == "mandrill":
        text = URL + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        proof = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), "sha1").digest()).decode()
        return Request(body, (("content-type", kind), ("x-mandrill-signature", proof)), url=URL)
    return Request(body, (("content-type", kind), *_proof(provider, body)))


def signed(provider: str, data: Any) -> Request:
    """JSON as this provider sends and proves it."""
    if provider == "ses":
        return dressed.sns("Notification", json.dumps(data))
    if provider == "mailgun":
        data = {**data, "signature": _mailgun_signed(dressed.signing("mailgun"))}
    body = json.dumps(data, ensure_ascii=False).encode()
    if provider == "resend":
        return Request(body, _standard("svix", "msg_1", body, JSON))
    return Request(body, (("content-type", JSON), *_proof(provider, body)))


def _standard(prefix: str, name: str, body: bytes, kind: str) -> tuple[tuple[str, str], ...]:
    stamp = str(int(START.timestamp()))
    proof = hmac.new(standard_key(STANDARD), f"{name}.{stamp}.".encode() + body, "sha256").digest()
    signature = f"v1,{base64.b64encode(proof).decode()}"
    given = {"id": name, "timestamp": stamp, "signature": signature}
    return (("content-type", kind), *((f"{prefix}-{one}", value) for one, value in given.items()))


def _proof(provider: str, body: bytes) -> tuple[tuple[str, str], ...]:
    match provider:
        case "sendgrid":
            stamp = str(int(START.timestamp()))
            signature = dressed.ec_key().sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
            name = "x-twilio-email-event-webhook"
            return (f"{name}-signature", base64.b64encode(signature).decode()), (f"{name}-timestamp", stamp)
        case "mailersend" | "forwardemail":
            return (("signature" if provider == "mailersend" else "x-webhook-signature", hexdigits(SECRET, body)),)
        case "postal":
            signature = dressed.rsa_key().sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 (what Postal has)
            return (("x-postal-signature", base64.b64encode(signature).decode()),)
        case "mox":
            return ("x-mox-webhook-id", "3"), _basic()
        case "mailgun":
            return ()
    return (_basic(),)


def _basic() -> tuple[str, str]:
    return "authorization", f"Basic {base64.b64encode(f'x:{SECRET}'.encode()).decode()}"
