"""Sections of config.toml that `outbound` reads.

Rules that these shapes keep:
- A password never travels without TLS, except to this machine itself.
- A key goes to https alone, or to this machine itself.
- Certificates are always verified; a private authority is named by `ca_file`, there is no switch that trusts all.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from outbound.contracts import Frozen


class CourierSettings(Frozen):
    """`[courier]`: how approved mail leaves."""

    kind: Literal["maildir", "log", "smtp", "ses", "postmark", "mailgun", "sendgrid", "resend"] = "maildir"
    """`maildir` and `log` write down and send nothing; `smtp` hands over to a smarthost, the others to their API."""
    path: Path = Path("data/outbox")
    """maildir, log: the folder that holds `new/`, or the list; made where it is absent."""
    api_key: SecretStr = SecretStr("")
    """ses (`ACCESS_KEY_ID:SECRET`), postmark (server token), mailgun, sendgrid, resend."""
    region: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    """ses: where its endpoint is."""
    domain: str = Field(default="", pattern=r"^[a-z0-9.-]*$")
    """mailgun: the sending domain."""
    stream: str = Field(default="outbound", pattern=r"^[a-z0-9-]{1,64}$")
    """postmark: the message stream."""
    base_url: str = ""
    """Of an API, where it is not the usual one: mailgun in the EU is https://api.eu.mailgun.net."""
    host: str = ""
    """smtp: the smarthost. Its certificate must carry this name."""
    port: int = Field(default=587, ge=1, le=65535)
    """smtp: 587 for `starttls`, 465 for `tls`."""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    """smtp: `starttls` (587) and `tls` (465) refuse to go on without it; `none` is for a relay on this machine."""
    ca_file: Path | None = None
    """smtp: PEM file of a private authority; the system's own ones otherwise."""
    username: str = ""
    """smtp: empty where the smarthost wants no log-in."""
    password: SecretStr = SecretStr("")
    """smtp: goes with `username`."""
    token_file: Path | None = None
    """smtp: an OAuth access token in the place of the password (XOAUTH2); read for each connection, so that what renews
    it can write it there."""
    local_hostname: str = "localhost"
    """smtp: the name that we give in EHLO."""
    connect_timeout_seconds: float = Field(default=15.0, gt=0, le=120)
    """smtp: for the connection and the greeting, each."""
    command_timeout_seconds: float = Field(default=30.0, gt=0, le=300)
    """smtp: for the answer to each command before the mail itself."""
    answer_timeout_seconds: float = Field(default=300.0, gt=0, le=900)
    """smtp: for the answer to the final dot. Too short makes doubt: RFC 5321 4.5.3.2.6 asks for 600 s."""
    kept_connections: int = Field(default=4, ge=0, le=100)
    """smtp: idle connections kept for the next mail; 0 makes one connection a mail."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind in APIS:
            return self._reachable()
        if self.kind != "smtp":
            return self
        if not self.host:
            raise ValueError("courier.host is needed for kind = 'smtp'")
        password = bool(self.password.get_secret_value())
        if password and self.token_file is not None:
            raise ValueError("courier.password and courier.token_file: one of the two logs in")
        if bool(self.username) != (password or self.token_file is not None):
            raise ValueError("courier.username and courier.password go together, or courier.token_file")
        if self.username and self.tls == "none" and not is_loopback(self.host):
            raise ValueError("courier.password would travel in plain text: set courier.tls to 'starttls' or 'tls'")
        return self

    def _reachable(self) -> Self:
        """An API's settings are whole."""
        key = self.api_key.get_secret_value()
        if not key:
            raise ValueError(f"courier.api_key is needed for kind = '{self.kind}'")
        if not key.isascii() or not key.isprintable() or (self.kind == "ses" and not all(key.partition(":"))):
            raise ValueError("courier.api_key is no key" + (" (ACCESS_KEY_ID:SECRET)" if self.kind == "ses" else ""))
        if self.kind == "ses" and not self.region:
            raise ValueError("courier.region is needed for kind = 'ses'")
        if self.kind == "mailgun" and not self.domain:
            raise ValueError("courier.domain is needed for kind = 'mailgun': the sending domain")
        if self.base_url:
            parts = urlsplit(self.base_url)
            local = parts.scheme == "http" and is_loopback(parts.hostname or "")
            if not (parts.scheme == "https" or local) or not parts.hostname or parts.username or parts.query:
                raise ValueError("courier.base_url is to be like 'https://api.eu.mailgun.net': the key goes there")
            if self.base_url.endswith("/"):
                raise ValueError("courier.base_url is to end without a slash")
        return self

    @property
    def before_mail_seconds(self) -> float:
        """Upper bound of all that comes before the mail itself: connection, greeting and the answers waited for."""
        return 2 * self.connect_timeout_seconds + ANSWERS_BEFORE_MAIL * self.command_timeout_seconds

    @property
    def longest_attempt_seconds(self) -> float:
        """Upper bound of one attempt. The lease of a claimed delivery has to be longer than this."""
        if self.kind in APIS:
            return self.connect_timeout_seconds + self.command_timeout_seconds + self.answer_timeout_seconds
        return self.before_mail_seconds + self.answer_timeout_seconds if self.kind == "smtp" else 30.0


APIS = frozenset({"ses", "postmark", "mailgun", "sendgrid", "resend"})
REBUILT = frozenset({"postmark", "sendgrid", "resend"})
"""Those that take no bytes: structure and DKIM signature of what leaves are theirs."""
ANSWERS_BEFORE_MAIL = 8
"""EHLO, STARTTLS, EHLO, two of AUTH, MAIL, RCPT and DATA."""


class DkimSettings(Frozen):
    """`[dkim]`: signing keys. Without a domain nothing is signed here (a smarthost may do it)."""

    domain: str = ""
    """That signs (`d=`): the domain of the mailboxes, or one above it."""
    selector: str = ""
    """Of the RSA key."""
    key_file: Path | None = None
    """RSA private key, PEM, 2048 bits or more."""
    ed25519_selector: str = ""
    """Of the Ed25519 key; another one than the RSA key's."""
    ed25519_key_file: Path | None = None
    """Ed25519 private key, PEM; signs beside RSA, since many verifiers know RSA alone (RFC 8463)."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        pairs = ((self.selector, self.key_file), (self.ed25519_selector, self.ed25519_key_file))
        if any(bool(selector) != (key_file is not None) for selector, key_file in pairs):
            raise ValueError("a DKIM selector and its key file go together")
        if bool(self.domain) != any(key_file for _, key_file in pairs):
            raise ValueError("dkim.domain and at least one selector with its key file go together")
        if self.selector and self.selector == self.ed25519_selector:
            raise ValueError("the two DKIM keys need different selectors")
        return self


class LimitSettings(Frozen):
    """`[limits]`: replies a day (24 hours back from now). Over a cap a reply waits for a person; it is not lost."""

    per_conversation: int = Field(default=3, ge=0)
    """In one thread with one author."""
    per_sender: int = Field(default=10, ge=0)
    """To one correspondent, over all conversations."""
    per_domain: int = Field(default=100, ge=0)
    """To one recipient domain."""
    per_mailbox: int = Field(default=200, ge=0)
    """From one mailbox."""
    total: int = Field(default=1000, ge=0)
    """Over all mailboxes."""


def is_loopback(host: str) -> bool:
    """True for `localhost` and loopback addresses. No name is looked up."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
