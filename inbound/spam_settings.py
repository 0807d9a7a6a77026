"""`[spam]`: whose word of spam counts, and what follows."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from inbound.contracts import Frozen


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[a-zA-Z0-9.\[\]:-]+/?", value):
        raise ValueError(f"{value!r} is not where Rspamd's worker listens, like 'http://127.0.0.1:11333'")
    return value.rstrip("/")


class SpamSettings(Frozen):
    """`[spam]`: mail that is spam by one of these is put aside before any model is asked."""

    rspamd_url: Annotated[str, AfterValidator(_url)] = ""
    """Rspamd's normal or proxy worker; empty: it is not asked."""
    rspamd_password: SecretStr = SecretStr("")
    """Where the worker wants one."""
    rspamd_score: float = Field(default=0.0, ge=0, le=1_000)
    """Score from which Rspamd's mail is spam; 0: where Rspamd itself says so (add header, rewrite subject, reject)."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=120)
    """For Rspamd's whole answer."""
    patience_minutes: float = Field(default=15.0, ge=0, le=1_440)
    """So long mail waits for a Rspamd that gives no answer."""
    when_away: Literal["person", "draft"] = "person"
    """After that. `person`: no model is asked, a person has the mail. `draft`: a draft is made, which always waits."""
    headers: Literal["none", "hop", "all"] = "none"
    """Fields of SpamAssassin or Rspamd in mail that came from `identity.networks`. `hop`: the topmost, above the second
    Received. `all`: wherever they stand, for a border that takes out those of others and puts its own at the end."""
    score: float = Field(default=5.0, gt=0, le=1_000)
    """SpamAssassin's points from which mail is spam, in such fields and in what trusted webhook providers say."""
