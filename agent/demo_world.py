"""The small world that the demo and the scenario tests live in: fixture mails, their keys and their DNS.

Rules that it keeps:
- Identity is proved, never assumed: mails are signed at run time with keys made for this run, and verified through the
  static zone like any other mail. A mail whose `sign` list is empty stays unsigned and counts as unsigned.
- SPF in the zone never covers loopback: the peer that delivers the fixtures confers nothing.
- Only reserved names (RFC 2606) and documentation addresses (RFC 5737) occur.
- Nothing here is reachable from `postroom serve`: the zone is handed to a resolver by the demo and by tests alone.

Form of a fixture: `NN-what.eml` with LF line ends, sent with CRLF; `NN-what.json` beside it (the `Fixture` fields);
`NN-what.why` where the outcome surprises. Dates are placeholders that are filled at run time:
`@NOW-26h@` is a date of RFC 5322, 26 hours ago (units: m, h, d); `@NOW-26h +0200@` the same moment in another zone;
`@NOW-26h +0200 %d.%m.%Y@` the same in a form of strftime, for the attribution line above a quotation.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal

import dkim  # type: ignore[import-untyped]  # it ships no type hints; `sign` below says what comes out
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pydantic import Field

from inbound.contracts import Frozen, Kind
from inbound.settings import Forwarder

MAILBOXES = ("support@larkspur.example", "sales@larkspur.example")
"""Our mailboxes in the order of the configuration: the first answers a mail that came to both."""
ALIAS = "help@larkspur.example"
"""Another name of the first mailbox."""
FORWARDER = Forwarder(
    name="allotment-group",
    authserv_id="mx.greenfingers.example",
    list_id="larkspur-help.greenfingers.example",
    dkim_domain="greenfingers.example",
)
"""The group that passes its members' mail on to us, as the demo configures it."""

Outcome = Literal["answered", "draft", "person", "recorded", "quarantined", "joined"]
Algorithm = Literal["rsa", "ed25519"]
Zone = dict[str, dict[str, list[str]]]

PLACEHOLDER = re.compile(rb"@NOW(?:-(\d+)([mhd]))?(?: ([+-]\d{4}))?(?: (%[^@\n]+))?@")
UNITS = {b"m": "minutes", b"h": "hours", b"d": "days"}


class FixtureEnvelope(Frozen):
    mail_from: str
    """The return path; empty for the null one."""
    rcpt_to: tuple[str, ...] = Field(min_length=1)


class Signature(Frozen):
    """One DKIM signature to make; the last one listed stands topmost, as if added on the way."""

    domain: str
    selector: str = "demo"
    algorithm: Algorithm
    also: tuple[str, ...] = ()
    """Headers to cover besides the usual ones: a forwarder covers the verdict that it added."""


class Expectation(Frozen):
    """What should become of the mail."""

    outcome: Outcome
    """`answered`: sent unseen from a template. `draft`: a reply waits for a person. `person`: no draft, a person must
    look. `recorded`: automatic, never answered. `joined`: another copy of a mail that is answered already."""
    also_right: tuple[Outcome, ...] = ()
    """Outcomes as right as the first one, where a careful person could do either. Never `answered`."""
    intent: str
    """The playbook's intent, or `none`; `any` where no intent is decided or it does not matter."""
    kind: Kind
    authenticated: bool
    risks_include: tuple[str, ...] = ()
    why: str


class Normalized(Frozen):
    """What normalisation should find."""

    author: str | None
    subject: str
    new_text: str
    closing: str = ""
    """The sign-off and footers after it, which may or may not be cut off; `*` where anything may follow."""
    attachments: tuple[str, ...] | None = ()
    """Names; None where it is of no matter what the parts of a report are called."""


class Fixture(Frozen):
    """One mail of the demo."""

    name: str
    """`NN-what`, the file's name without its suffix."""
    raw: bytes = Field(repr=False)
    """The file as it is: LF line ends, placeholders not filled."""
    envelope: FixtureEnvelope
    sign: tuple[Signature, ...] = ()
    after: str | None = None
    """Name of the fixture that must have had its outcome before this one is sent."""
    expect: Expectation
    normalized: Normalized | None = None
    """None for a mail that cannot be normalised."""

    def message(self, now: datetime, keys: DemoKeys | None) -> bytes:
        """The mail as it goes on the wire: dated, CRLF, signed; unsigned where `keys` is None."""
        return finish(self.raw, now, keys, self.sign)


class _Signer(dkim.DKIM):  # type: ignore[misc]  # it ships no type hints
    """Signs at `signed_at`: the library itself knows the machine's clock alone, and a time to come is no proof."""

    signed_at: datetime

    def gen_header(self, fields: list[tuple[bytes, bytes]], *rest: Any) -> Any:
        at = str(int(self.signed_at.timestamp())).encode()
        return super().gen_header([(name, at if name == b"t" else value) for name, value in fields], *rest)


class DemoKeys:
    """One RSA-2048 and one Ed25519 key, made for this run and kept nowhere; all demo domains share them."""

    def __init__(self) -> None:
        rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        ed_key = ed25519.Ed25519PrivateKey.generate()
        seed = ed_key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self._private: dict[Algorithm, bytes] = {
            "rsa": rsa_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
            "ed25519": base64.b64encode(seed),
        }
        self._public: dict[Algorithm, bytes] = {
            "rsa": rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "ed25519": ed_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        }

    def record(self, algorithm: Algorithm) -> str:
        """The TXT record of the public key (RFC 6376 3.6.1, RFC 8463)."""
        return f"v=DKIM1; k={algorithm}; p={base64.b64encode(self._public[algorithm]).decode()}"

    def sign(self, data: bytes, signature: Signature, now: datetime) -> bytes:
        """`data` (CRLF) with a DKIM-Signature on top: relaxed/relaxed, From covered once more than it occurs."""
        signer = _Signer(data, signature_algorithm=f"{signature.algorithm}-sha256".encode())
        signer.signed_at = now
        covered = [*signer.default_sign_headers(), *(name.lower().encode() for name in signature.also)]
        header: bytes = signer.sign(
            signature.selector.encode(),
            signature.domain.encode(),
            self._private[signature.algorithm],
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=covered,
        )
        return header + data


def finish(raw: bytes, now: datetime, keys: DemoKeys | None, signatures: Iterable[Signature]) -> bytes:
    """Fill the dates of `raw` (LF line ends), make the line ends CRLF, and sign."""
    data = PLACEHOLDER.sub(lambda match: _date(match, now), raw).replace(b"\n", b"\r\n")
    if keys is not None:
        for signature in signatures:
            data = keys.sign(data, signature, now)
    return data


def _date(match: re.Match[bytes], now: datetime) -> bytes:
    amount, unit, zone, form = match.groups()
    moment = now - timedelta(**{UNITS[unit]: int(amount)}) if amount else now
    if zone:
        minutes = int(zone[1:3]) * 60 + int(zone[3:5])
        moment = moment.astimezone(timezone(timedelta(minutes=-minutes if zone.startswith(b"-") else minutes)))
    return (moment.strftime(form.decode()) if form else format_datetime(moment)).encode()


def load_fixtures(folder: Path) -> list[Fixture]:
    """Every `NN-what.eml` of `folder` with its .json, in the order of the numbers. Raises where one is incomplete."""
    return [
        Fixture.model_validate(
            {"name": path.stem, "raw": path.read_bytes(), **json.loads(path.with_suffix(".json").read_text("utf-8"))}
        )
        for path in sorted(folder.glob("[0-9][0-9]-*.eml"))
    ]


def load_domains(folder: Path) -> dict[str, str | None]:
    """Domain -> the policy that its DMARC record publishes; None where it publishes no record."""
    domains: dict[str, str | None] = json.loads((folder / "domains.json").read_text("utf-8"))
    return domains


def static_zone(domains: Mapping[str, str | None], signatures: Iterable[Signature], keys: DemoKeys) -> Zone:
    """The DNS of the demo: name -> type -> values. Mail of these domains may come from 198.51.100.0/24 alone.

    Each domain publishes a key, also where no mail of it is signed: forged signatures fail against a real key.
    """
    zone: Zone = {}
    for domain, policy in domains.items():
        zone[domain] = {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"], "MX": [f"mx.{domain}"], "A": ["198.51.100.25"]}
        zone[f"demo._domainkey.{domain}"] = {"TXT": [keys.record("rsa")]}
        if policy is not None:
            zone[f"_dmarc.{domain}"] = {"TXT": [f"v=DMARC1; p={policy}"]}
    for each in signatures:
        zone[f"{each.selector}._domainkey.{each.domain}"] = {"TXT": [keys.record(each.algorithm)]}
    return zone


def demo_zone(folder: Path, fixtures: Iterable[Fixture], keys: DemoKeys) -> Zone:
    """The zone that every signature of `fixtures` verifies in."""
    return static_zone(load_domains(folder), (each for fixture in fixtures for each in fixture.sign), keys)
