"""Sections of config.toml that `inbound` reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from inbound.contracts import Frozen


class ListenerSettings(Frozen):
    """`[listener]`: the SMTP door."""

    host: str = "127.0.0.1"
    """Address to listen on. Put a name here that the internet reaches only when MX records point at it."""
    port: int = Field(default=2525, ge=0, le=65535)
    hostname: str = "localhost"
    """Name in the greeting: what PTR of the public address says."""
    max_message_bytes: int = Field(default=25_000_000, ge=1_000)


class Forwarder(Frozen):
    """`[[mailbox.forwarder]]`: a group or forwarder by which this mailbox gets its mail."""

    name: str
    authserv_id: str = ""
    """Its Authentication-Results carry this id; believed only from the topmost hop."""
    list_id: str = ""
    arc_sealer: str = ""
    author_from: Literal["from", "reply-to", "x-original-from"] = "from"
    """Where the original author stands."""


class IdentitySettings(Frozen):
    """`[identity]`: whose verdicts count."""

    authserv_ids: tuple[str, ...] = ()
    """authserv-ids of our own border servers, whose Authentication-Results are believed."""
    dns_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
