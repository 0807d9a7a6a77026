"""Sections of config.toml that `inbound` reads."""

from __future__ import annotations

import base64
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic.networks import IPvAnyNetwork

from inbound.contracts import Frozen
from inbound.webhooks.registry import NAMES, provider


class ListenerSettings(Frozen):
    """`[listener]`: the SMTP door."""

    host: str = "127.0.0.1"
    """Address to listen on. Put a name here that the internet reaches only when MX records point at it."""
    port: int = Field(default=2525, ge=0, le=65535)
    """25 needs the right to open it; 0: any free one."""
    hostname: str = Field(default="localhost", pattern=r"^[A-Za-z0-9._:\[\]-]{1,255}$")
    """Name in the greeting: what PTR of the public address says."""
    max_message_bytes: int = Field(default=25_000_000, ge=1_000)
    """Larger mail is refused with 552."""
    max_header_bytes: int = Field(default=500_000, ge=1_000)
    """A mail with a larger header block is refused before anything parses it."""
    max_buffered_bytes: int = Field(default=250_000_000, ge=1_000)
    """Mail in memory over all connections; what comes beyond is asked to come again."""
    max_recipients: int = Field(default=100, ge=1)
    """Of one mail. RFC 5321 wants at least 100."""
    max_connections: int = Field(default=500, ge=1)
    """At once, over all addresses."""
    max_connections_per_address: int = Field(default=100, ge=1)
    """Of one IPv4 address or one IPv6 /64. Behind a border server all connections come from one address."""
    max_mails_per_minute_per_address: int = Field(default=3_000, ge=0)
    """0: no limit."""
    max_errors: int = Field(default=50, ge=1)
    """Refused commands of one session, unknown recipients too; then the connection is closed."""
    idle_seconds: float = Field(default=300.0, gt=0)
    """For one command, and between two packets of a mail. RFC 5321 asks for 5 minutes."""
    session_seconds: float = Field(default=1_800.0, gt=0)
    """For one connection in all, so that nobody stays by sending a byte now and then."""
    stop_seconds: float = Field(default=10.0, ge=0)
    """When the service stops, mails that are just coming in may end within this time."""
    strict_line_ends: bool = False
    """Refuse mail with a bare CR, bare LF or NUL anywhere. Some real appliances send them."""
    tls_certificate: Path | None = None
    """PEM file of the certificate chain for STARTTLS; none means that TLS is not offered."""
    tls_key: Path | None = None
    """PEM file of its key; where it is not set, the key stands in the certificate's file."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.max_buffered_bytes < self.max_message_bytes:
            raise ValueError("max_buffered_bytes must be at least max_message_bytes, or the largest mails never get in")
        if self.tls_key is not None and self.tls_certificate is None:
            raise ValueError("tls_key needs tls_certificate")
        return self


ARN = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$"
MIN_SECRET = 8


def _known(name: str) -> str:
    if name not in NAMES:
        near = get_close_matches(name, NAMES, n=1)
        raise ValueError(
            f"there is no provider {name!r}" + (f"; did you mean {near[0]}?" if near else ": see docs/webhooks.md")
        )
    return name


class WebhookDoorSettings(Frozen):
    """`[webhooks]`: where providers post mail to. Nothing listens where there is no `[[webhook]]`."""

    host: str = "127.0.0.1"
    """Address to listen on. Put a proxy with HTTPS in front; it has to pass /inbound/ on."""
    port: int = Field(default=8027, ge=0, le=65535)
    """0: any free one."""
    max_body_bytes: int = Field(default=40_000_000, ge=1_000)
    """A larger request is answered 413. Mail grows by a third in JSON."""
    body_seconds: float = Field(default=60.0, gt=0)
    """For the whole of a request to come in."""


class WebhookSettings(Frozen):
    """`[[webhook]]`: one inbound provider, reached at /inbound/PROVIDER."""

    provider: Annotated[str, AfterValidator(_known)]
    """Which one; see docs/webhooks.md for all of them."""
    mailbox: str = ""
    """One of the mailboxes: for mail whose recipient is none of ours, such as a provider's own inbound address."""
    secret: SecretStr = SecretStr("")
    """Signing secret; for a provider that signs nothing the password (HTTP basic, bearer, or last part of the path)."""
    previous_secret: SecretStr = SecretStr("")
    """Still taken while one secret takes the place of the other."""
    public_key: str = ""
    """PEM, or base64 of DER: SendGrid's security policy, Postal's installation; SES: a key for trials alone."""
    previous_public_key: str = ""
    """Still taken while one key takes the place of the other."""
    topics: tuple[Annotated[str, Field(pattern=ARN)], ...] = ()
    """SES: ARNs of our SNS topics; no other is believed."""
    public_url: str = ""
    """Mandrill: the webhook's URL exactly as it is registered."""
    api_key: SecretStr = SecretStr("")
    """Resend, Brevo: for fetching what is not posted. SES with S3: `ACCESS_KEY_ID:SECRET`."""
    api_url: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?)?$")
    """Asked in the place of the provider's own API: storage that speaks S3, or a stand-in for a trial."""
    region: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    """SES with S3: the bucket's."""
    trusted: bool = False
    """Believe the provider's word that a DKIM signature holds, where it names the domain. It replaces a proof of ours:
    only for one that checks them, and that nobody but you can post through."""
    window_seconds: float = Field(default=300.0, gt=0, le=86_400)
    """How old a signed time may be, and how far ahead."""

    @property
    def by_password(self) -> bool:
        """Whether nothing but a password or a secret path proves who posts."""
        about = provider(self.provider).ABOUT
        return not about.signs or ("public_key|secret" in about.needs and not self.public_key)

    @model_validator(mode="after")
    def _can_be_proven(self) -> Self:
        about = provider(self.provider).ABOUT
        for keys, why in about.needs.items():
            if not any(self._given(key) for key in keys.split("|")):
                raise ValueError(f"{self.provider} needs {keys.replace('|', ' or ')}: {why}")
        for key in ("secret", "previous_secret"):
            secret = self._given(key)
            if secret and len(secret) < MIN_SECRET:
                raise ValueError(f"{self.provider} needs a {key} of {MIN_SECRET} characters or more")
            if about.standard and not _is_standard(secret):
                raise ValueError(f"{self.provider} needs a {key} in the form of Standard Webhooks: whsec_ and base64")
        for key in ("public_key", "previous_public_key"):
            if text := self._given(key):
                _check_key(self.provider, key, text, about.key)
        return self

    def _given(self, key: str) -> str:
        found = getattr(self, key)
        return found.get_secret_value() if isinstance(found, SecretStr) else "".join(found)


def _check_key(name: str, key: str, text: str, kind: str) -> None:
    from inbound.webhooks.proofs import is_public_key

    if not kind:
        raise ValueError(f"{name} has no use for {key}")
    if not is_public_key(text, kind):
        raise ValueError(f"{name}: {key} is no {kind.upper()} key, as PEM or as base64 of DER")


def _is_standard(secret: str) -> bool:
    try:
        return not secret or len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) >= MIN_SECRET
    except ValueError:
        return False


def _not_everybody(network: IPvAnyNetwork) -> IPvAnyNetwork:
    if network.prefixlen == 0:
        raise ValueError("a network of relays cannot be the whole internet")
    return network


RelayNetwork = Annotated[IPvAnyNetwork, AfterValidator(_not_everybody)]
"""Addresses from which only servers that the operator trusts can reach the door."""


class Forwarder(Frozen):
    """`[[mailbox.forwarder]]`: a group or forwarder by which this mailbox gets its mail."""

    name: str
    """What logs and explanations call it."""
    authserv_id: str = ""
    """Its Authentication-Results carry this id; believed only with one of the proofs below, and from its hop only."""
    list_id: str = ""
    """Where set, the mail must also carry this List-Id. Anybody can write one: no proof by itself."""
    arc_sealer: str = ""
    """Proof: the topmost ARC seal is valid and of this domain."""
    dkim_domain: str = ""
    """Proof: a valid DKIM signature of this domain, which covers the Authentication-Results too. Name a domain with
    which only the forwarder signs."""
    networks: tuple[RelayNetwork, ...] = ()
    """Proof: the mail came from one of these addresses."""
    author_from: Literal["from", "reply-to", "x-original-from"] = "from"
    """Where the original author stands."""


class ContactForm(Frozen):
    """`[[mailbox.contact_form]]`: a form on your site that writes to this mailbox in the name of a visitor."""

    name: str
    """What logs and explanations call it."""
    address: str = Field(pattern=r"^[^\s@<>]{1,64}@[^\s@<>]{1,253}$")
    """What the form writes into From, an address of yours. The visitor's address stands in Reply-To; nobody proved that
    it is theirs, so the reply always waits for a person."""
    networks: tuple[RelayNetwork, ...] = ()
    """Addresses of the web server. Not needed where its mail passes SPF for the address in From and comes here
    directly, or carries your domain's DKIM signature over Reply-To."""


class IdentitySettings(Frozen):
    """`[identity]`: whose verdicts count."""

    authserv_ids: tuple[str, ...] = ()
    """authserv-ids of our own border servers, whose Authentication-Results are believed when the mail came from one of
    `networks`. The border must take out such headers that others wrote (RFC 8601 section 5), as mail filters do."""
    networks: tuple[RelayNetwork, ...] = ()
    """Addresses of our own border servers. Mail from them gets no SPF check here: the address is the border's."""
    dns_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    """For all questions about one mail."""
