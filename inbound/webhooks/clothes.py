"""A mail in a provider's clothes, rightly signed: for `postroom simulate` and for the tests.

Rules:
- Each form is the one that the provider documents; what is signed is signed with the secret that is given.
- SES cannot be dressed without Amazon's certificate, nor Resend without its API: the tests bring their own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as chance
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from inbound.webhooks.contract import Request
from inbound.webhooks.proofs import hexdigits, standard_key


@dataclass(frozen=True)
class Letter:
    """What is dressed."""

    raw: bytes
    mail_from: str
    rcpt_to: tuple[str, ...]


@dataclass(frozen=True)
class Signing:
    """With what."""

    secret: str
    now: datetime
    url: str = ""
    key: Any = None
    """SendGrid: an EC private key. Postal: an RSA one."""

    @property
    def stamp(self) -> str:
        return str(int(self.now.timestamp()))


Dress = Callable[[Letter, Signing], Request]


def _json(data: object, *headers: tuple[str, str]) -> Request:
    return Request(json.dumps(data).encode(), (("content-type", "application/json"), *headers))


def _basic(secret: str) -> tuple[str, str]:
    return "authorization", "Basic " + base64.b64encode(f"postroom:{secret}".encode()).decode()


def _form(fields: Mapping[str, bytes | str | tuple[str, str, bytes]]) -> tuple[bytes, str]:
    """A multipart form and its content type; a file is (name, content type, bytes)."""
    mark = hashlib.sha256(repr(sorted(fields)).encode()).hexdigest()
    out = bytearray()
    for name, value in fields.items():
        out += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if isinstance(value, tuple):
            out += f'; filename="{value[0]}"\r\nContent-Type: {value[1]}'.encode()
        data = value[2] if isinstance(value, tuple) else value
        out += b"\r\n\r\n" + (data.encode() if isinstance(data, str) else data) + b"\r\n"
    out += f"--{mark}--\r\n".encode()
    return bytes(out), f"multipart/form-data; boundary={mark}"


def _posted(fields: Mapping[str, bytes | str | tuple[str, str, bytes]], *headers: tuple[str, str]) -> Request:
    body, kind = _form(fields)
    return Request(body, (("content-type", kind), *headers))


# --- what a provider that parses makes of a mail ------------------------------------------------


@dataclass(frozen=True)
class _Taken:
    """A mail taken apart."""

    headers: list[tuple[str, str]]
    text: str
    html: str
    files: list[tuple[str, str, str, bytes]]
    """Name, content type, Content-ID, bytes."""

    def header(self, name: str) -> str:
        return next((value for given, value in self.headers if given.lower() == name), "")


def _taken(raw: bytes) -> _Taken:
    message = message_from_bytes(raw)
    texts: dict[str, str] = {}
    files: list[tuple[str, str, str, bytes]] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        data, kind = part.get_payload(decode=True), part.get_content_type()
        content = data if isinstance(data, bytes) else b""
        if part.get_filename() is None and kind in {"text/plain", "text/html"} and kind not in texts:
            texts[kind] = content.decode(part.get_content_charset() or "utf-8", "replace")
        else:
            files.append((part.get_filename() or "", kind, (part.get("content-id") or "").strip("<>"), content))
    return _Taken(_headers(message), texts.get("text/plain", ""), texts.get("text/html", ""), files)


def _headers(message: Message) -> list[tuple[str, str]]:
    return [(name, str(make_header(decode_header(str(value))))) for name, value in message.items()]


def _named(address: str) -> dict[str, str]:
    name, email = getaddresses([address])[0] if address else ("", "")
    return {"Email": email, "Name": name}


# --- one for each -------------------------------------------------------------------------------


def postmark(letter: Letter, signing: Signing) -> Request:
    taken = _taken(letter.raw)
    found = _postmark(letter, taken) | {"RawEmail": letter.raw.decode("utf-8", "surrogateescape")}
    return _json(found, _basic(signing.secret))


def postmark_parsed(letter: Letter, signing: Signing) -> Request:
    return _json(_postmark(letter, _taken(letter.raw)), _basic(signing.secret))


def _postmark(letter: Letter, taken: _Taken) -> dict[str, Any]:
    own = {"from", "to", "cc", "subject", "date", "reply-to", "mime-version", "content-type"}
    return {
        "From": _named(taken.header("from"))["Email"],
        "FromFull": _named(taken.header("from")),
        "To": taken.header("to"),
        "ToFull": [{"Email": one, "Name": "", "MailboxHash": ""} for one in letter.rcpt_to],
        "OriginalRecipient": letter.rcpt_to[0],
        "Subject": taken.header("subject"),
        "MessageID": hashlib.sha256(letter.raw).hexdigest()[:36],
        "ReplyTo": taken.header("reply-to"),
        "Date": taken.header("date"),
        "TextBody": taken.text,
        "HtmlBody": taken.html,
        "Headers": [{"Name": name, "Value": value} for name, value in taken.headers if name.lower() not in own]
        + [{"Name": "Return-Path", "Value": f"<{letter.mail_from}>"}],
        "Attachments": [
            {"Name": name, "ContentType": kind, "ContentID": cid, "Content": base64.b64encode(data).decode()}
            for name, kind, cid, data in taken.files
        ],
    }


def _mailgun_signed(signing: Signing) -> dict[str, str]:
    token = chance.token_hex(25)
    return {
        "timestamp": signing.stamp,
        "token": token,
        "signature": hexdigits(signing.secret, f"{signing.stamp}{token}".encode()),
    }


def mailgun(letter: Letter, signing: Signing) -> Request:
    return _posted(
        {
            "recipient": ",".join(letter.rcpt_to),
            "sender": letter.mail_from,
            "body-mime": letter.raw,
            **_mailgun_signed(signing),
        }
    )


def mailgun_parsed(letter: Letter, signing: Signing) -> Request:
    taken = _taken(letter.raw)
    fields: dict[str, Any] = {
        "recipient": ",".join(letter.rcpt_to),
        "sender": letter.mail_from,
        "from": taken.header("from"),
        "subject": taken.header("subject"),
        "message-headers": json.dumps([list(one) for one in taken.headers]),
        "body-plain": taken.text,
        "body-html": taken.html,
        "attachment-count": str(len(taken.files)),
        "content-id-map": json.dumps({f"<{f[2]}>": f"attachment-{n}" for n, f in enumerate(taken.files, 1) if f[2]}),
        **_mailgun_signed(signing),
    }
    fields |= {f"attachment-{n}": (name, kind, data) for n, (name, kind, _, data) in enumerate(taken.files, 1)}
    return _posted(fields)


def _sendgrid_signed(fields: Mapping[str, Any], signing: Signing) -> Request:
    body, kind = _form(fields)
    if not isinstance(signing.key, ec.EllipticCurvePrivateKey):
        return Request(body, (("content-type", kind), _basic(signing.secret)))
    signature = signing.key.sign(signing.stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return Request(
        body,
        (
            ("content-type", kind),
            ("x-twilio-email-event-webhook-signature", base64.b64encode(signature).decode()),
            ("x-twilio-email-event-webhook-timestamp", signing.stamp),
        ),
    )


def _sendgrid_envelope(letter: Letter) -> str:
    return json.dumps({"to": list(letter.rcpt_to), "from": letter.mail_from})


def sendgrid(letter: Letter, signing: Signing) -> Request:
    return _sendgrid_signed({"envelope": _sendgrid_envelope(letter), "email": letter.raw}, signing)


def sendgrid_parsed(letter: Letter, signing: Signing) -> Request:
    taken = _taken(letter.raw)
    about = {
        f"attachment{n}": {"filename": name, "name": name, "type": kind, "content-id": cid}
        for n, (name, kind, cid, _) in enumerate(taken.files, 1)
    }
    fields: dict[str, Any] = {
        "headers": "\n".join(f"{name}: {value}" for name, value in taken.headers),
        "from": taken.header("from"),
        "to": taken.header("to"),
        "subject": taken.header("subject"),
        "text": taken.text,
        "html": taken.html,
        "envelope": _sendgrid_envelope(letter),
        "charsets": json.dumps(dict.fromkeys(("to", "from", "subject", "text", "html"), "UTF-8")),
        "attachments": str(len(taken.files)),
        "attachment-info": json.dumps(about),
    }
    fields |= {f"attachment{n}": (name, kind, data) for n, (name, kind, _, data) in enumerate(taken.files, 1)}
    return _sendgrid_signed(fields, signing)


def raw(letter: Letter, signing: Signing) -> Request:
    webhook_id = "msg_" + hashlib.sha256(letter.raw).hexdigest()[:24]
    signed = f"{webhook_id}.{signing.stamp}.".encode() + letter.raw
    signature = base64.b64encode(hmac.new(standard_key(signing.secret), signed, "sha256").digest()).decode()
    return Request(
        letter.raw,
        (
            ("content-type", "message/rfc822"),
            ("webhook-id", webhook_id),
            ("webhook-timestamp", signing.stamp),
            ("webhook-signature", f"v1,{signature}"),
        ),
        query=(("from", letter.mail_from), *(("to", one) for one in letter.rcpt_to)),
    )


def mandrill(letter: Letter, signing: Signing) -> Request:
    text = letter.raw.decode("utf-8", "surrogateescape")
    events = [
        {
            "event": "inbound",
            "ts": int(signing.stamp),
            "msg": {"raw_msg": text, "email": one, "sender": letter.mail_from},
        }
        for one in letter.rcpt_to
    ]
    said = json.dumps(events)
    signature = hmac.new(signing.secret.encode(), f"{signing.url}mandrill_events{said}".encode(), "sha1").digest()
    body = urlencode({"mandrill_events": said}).encode()
    kind = ("content-type", "application/x-www-form-urlencoded")
    return Request(body, (kind, ("x-mandrill-signature", base64.b64encode(signature).decode())), url=signing.url)


def sparkpost(letter: Letter, signing: Signing) -> Request:
    content = {"email_rfc822": base64.b64encode(letter.raw).decode(), "email_rfc822_is_base64": True}
    items = [
        {"msys": {"relay_message": {"content": content, "msg_from": letter.mail_from, "rcpt_to": one}}}
        for one in letter.rcpt_to
    ]
    return _json(items, ("x-messagesystems-webhook-token", signing.secret))


def mailersend(letter: Letter, signing: Signing) -> Request:
    data = {
        "id": hashlib.sha256(letter.raw).hexdigest()[:24],
        "recipients": {"rcptTo": [{"email": one} for one in letter.rcpt_to]},
        "sender": {"email": letter.mail_from},
        "raw": letter.raw.decode("utf-8", "surrogateescape"),
    }
    found = _json({"type": "inbound.message", "data": data})
    return Request(found.body, (*found.headers, ("signature", hexdigits(signing.secret, found.body))))


def postal(letter: Letter, signing: Signing) -> Request:
    data = {
        "id": int(hashlib.sha256(letter.raw).hexdigest()[:8], 16),
        "rcpt_to": letter.rcpt_to[0],
        "mail_from": letter.mail_from,
        "message": base64.b64encode(letter.raw).decode(),
        "base64": True,
        "size": len(letter.raw),
    }
    found = _json(data)
    if not isinstance(signing.key, rsa.RSAPrivateKey):
        raise TypeError("Postal's clothes need its RSA key")
    signature = signing.key.sign(found.body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 (what Postal signs with)
    return Request(found.body, (*found.headers, ("x-postal-signature", base64.b64encode(signature).decode())))


def cloudmailin(letter: Letter, signing: Signing) -> Request:
    fields: dict[str, Any] = {
        "message": letter.raw,
        "envelope[from]": letter.mail_from,
        "envelope[to]": letter.rcpt_to[0],
    }
    fields |= {f"envelope[recipients][{n}]": one for n, one in enumerate(letter.rcpt_to)}
    return _posted(fields, _basic(signing.secret))


def forwardemail(letter: Letter, signing: Signing) -> Request:
    data = {
        "recipients": list(letter.rcpt_to),
        "session": {"envelope": {"mailFrom": {"address": letter.mail_from}}},
        "raw": letter.raw.decode("utf-8", "surrogateescape"),
    }
    found = _json(data)
    return Request(found.body, (*found.headers, ("x-webhook-signature", hexdigits(signing.secret, found.body))))


def mox(letter: Letter, signing: Signing) -> Request:
    taken = _taken(letter.raw)

    def people(name: str) -> list[dict[str, str]]:
        return [{"Name": shown, "Address": one} for shown, one in getaddresses([taken.header(name)]) if one]

    data = {
        "From": people("from"),
        "To": people("to"),
        "CC": people("cc"),
        "ReplyTo": people("reply-to"),
        "Subject": taken.header("subject"),
        "MessageID": taken.header("message-id"),
        "InReplyTo": taken.header("in-reply-to"),
        "References": taken.header("references").split(),
        "Date": taken.header("date"),
        "Text": taken.text,
        "HTML": taken.html,
        "Meta": {"MailFrom": letter.mail_from, "RcptTo": letter.rcpt_to[0], "DKIMVerifiedDomains": []},
    }
    name = hashlib.sha256(letter.raw).hexdigest()[:12]
    return _json(data, _basic(signing.secret), ("x-mox-webhook-id", name))


def brevo(letter: Letter, signing: Signing) -> Request:
    taken = _taken(letter.raw)
    item = {
        "Uuid": [hashlib.sha256(letter.raw).hexdigest()[:32]],
        "Recipients": list(letter.rcpt_to),
        "ReturnPath": letter.mail_from,
        "Headers": dict(taken.headers),
        "RawTextBody": taken.text,
        "RawHtmlBody": taken.html,
        "Attachments": [{"Name": name, "ContentType": kind, "DownloadToken": "t"} for name, kind, _, _ in taken.files],
    }
    return _json({"items": [item]}, _basic(signing.secret))


def mailjet(letter: Letter, signing: Signing) -> Request:
    taken = _taken(letter.raw)
    files = {f"Attachment{n}": base64.b64encode(data).decode() for n, (*_, data) in enumerate(taken.files, 1)}
    parts = [
        {
            "ContentRef": f"Attachment{n}",
            "Headers": {
                "Content-Type": kind,
                "Content-Disposition": f'attachment; filename="{name}"',
                **({"Content-ID": f"<{cid}>"} if cid else {}),
            },
        }
        for n, (name, kind, cid, _) in enumerate(taken.files, 1)
    ]
    data = {
        "Sender": letter.mail_from,
        "Recipient": letter.rcpt_to[0],
        "Headers": dict(taken.headers),
        "Text-part": taken.text,
        "Html-part": taken.html,
        "Parts": parts,
        **files,
    }
    return _json(data, _basic(signing.secret))


CLOTHES: dict[str, Dress] = {
    "postmark": postmark,
    "postmark-parsed": postmark_parsed,
    "mailgun": mailgun,
    "mailgun-parsed": mailgun_parsed,
    "sendgrid": sendgrid,
    "sendgrid-parsed": sendgrid_parsed,
    "raw": raw,
    "mandrill": mandrill,
    "sparkpost": sparkpost,
    "mailersend": mailersend,
    "postal": postal,
    "cloudmailin": cloudmailin,
    "forwardemail": forwardemail,
    "mox": mox,
    "brevo": brevo,
    "mailjet": mailjet,
}
"""By provider; `-parsed` where it can post the mail taken apart too."""
