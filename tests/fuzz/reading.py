"""What may never happen to a mail that is read, whatever its bytes are: all readers of strangers' mail at once.

`read` gives what the readers said, and raises AssertionError or whatever a reader raised where a promise is broken:
- each mail is read or quarantined, the same each time, and can be stored;
- no character reaches a reader that a reader would not see; no name of a file leaves its folder;
- no line of the text is lost between what is new, quoted and a signature;
- nobody is authenticated where no DNS record says anything.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime

from inbound.authentication import check
from inbound.automated import screen
from inbound.contracts import Envelope, NormalizedEmail, Quarantined
from inbound.mime import normalize, take_apart
from inbound.resolver import StaticZone
from inbound.settings import Forwarder, IdentitySettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOBODY = StaticZone({})
SETTINGS = IdentitySettings(authserv_ids=("a",))
FORWARDERS = (Forwarder(name="group", authserv_id="a", dkim_domain="b.example", arc_sealer="b.example"),)
ENVELOPE = Envelope(
    door="smtp", mail_from="a@b.example", rcpt_to=("s@our.example",), peer="203.0.113.9", helo="x", received_at=NOW
)
UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e001f\ud800-\udfff]")

_loop = asyncio.new_event_loop()


def read(raw: bytes) -> object:
    """What the readers said of it, for telling one mail from another."""
    found = normalize(raw)
    assert found == normalize(raw)
    assert found.model_dump_json().encode("utf-8")
    parts = take_apart(raw)
    if isinstance(found, Quarantined):
        return found.reason
    _holds(found)
    assert parts is None or len(parts.contents) == len(parts.attachments)
    auth = _loop.run_until_complete(
        check(raw, found, ENVELOPE, resolver=NOBODY, settings=SETTINGS, forwarders=FORWARDERS, now=NOW)
    )
    assert auth.author is None
    screening = screen(
        raw,
        found,
        ENVELOPE,
        own_addresses=frozenset({"s@our.example"}),
        own_message_id=lambda _: False,
        verp_token=lambda _: None,
    )
    signatures = tuple(sorted({one.reason[:20] for one in auth.dkim}))
    return found.risks, found.defects, screening.kind, len(found.attachments) > 0, bool(found.quoted), signatures


def _holds(mail: NormalizedEmail) -> None:
    for text in (mail.text, mail.subject, mail.author.name if mail.author else ""):
        assert not UNSEEN.search(text)
    assert all(name and "/" not in name and "\\" not in name for name in (one.name for one in mail.attachments))
    apart = Counter(f"{mail.new_text}\n{mail.quoted}\n{mail.signature}".split())
    assert apart == Counter(mail.text.split())
