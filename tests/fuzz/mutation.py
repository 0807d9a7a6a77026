"""Mail made from mail: pieces cut out, doubled, swapped between two mails, and the words put in that parsers trip over.

Rules:
- The same seed gives the same mails, so that what was found can be found again.
- What says something new (another set of risks, another reason of a quarantine) joins the pool and is changed further.
- A mail stays under LARGEST: what grows without end finds nothing but the bounds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LARGEST = 60_000
POOL = 2_000

WORDS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b"\xff", b"\xc3\xa9", b" ", b"\t", b",", b";", b":", b'"', b"\\", b"("),
    *(b"<", b">", b"@", b"=?", b"?=", b"=?utf-8?q?=0D=0A?=", b"=?x-unknown?b?////?=", b"=?utf-7?q?+2AA-?="),
    *(b"From: a@b.example\r\n", b"From : c@d.example\r\n", b'To: "\r\n', b"Reply-To: <@r:a@b>\r\n", b"Subject:\r\n"),
    *(b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n\r\n", b"\r\n--b\r\n"),
    *(b"\r\n--b--\r\n", b"Content-Type: text/html\r\n", b"Content-Type: text/plain; name*\r\n", b"; charset=punycode"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Transfer-Encoding: x-uuencode\r\n", b"format=flowed; delsp=yes"),
    *(b"Content-Disposition: attachment; filename*0*=x''%ff\r\n", b"DKIM-Signature: v=1; d=b.example; s=s; b=; bh=; h=from"),
    *(b"ARC-Seal: i=1; cv=none\r\n", b"Authentication-Results: a; dmarc=pass header.from=b.example\r\n"),
    *(b"<p style=display:none>", b"<style>", b"</style>", b"<!--", b"-->", b"&#x202e;", b"<a href=//x>", b"<blockquote>"),
    *(b"<style>p:nth-child(2n of .a){display:none}", b":not(", b"@media (", b"url(", b"&{", b"[a=", b"style='color:#fff;"),
    *(b"\r\n> ", b"\r\n-- \r\n", b"\r\nOn 1.1.2026 A wrote:\r\n", b"\r\n_______________\r\n", b"\xe2\x80\xae", b"+2AA-"),
    *(b"-----BEGIN PGP MESSAGE-----", b"begin 644 a\r\n", b"Message-ID: <", b"Date: 31 Feb 99999 25:61:61 +9999\r\n"),
)  # fmt: skip

Change = Callable[[random.Random, bytes, bytes], bytes]


def _cut(chance: random.Random, raw: bytes, _: bytes) -> bytes:
    start, end = _span(chance, raw)
    return raw[:start] + raw[end:]


def _double(chance: random.Random, raw: bytes, _: bytes) -> bytes:
    start, end = _span(chance, raw)
    return raw[:end] + raw[start:end] * chance.choice((1, 1, 2, 40)) + raw[end:]


def _flip(chance: random.Random, raw: bytes, _: bytes) -> bytes:
    changed = bytearray(raw)
    for _times in range(chance.choice((1, 1, 2, 16))):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _word(chance: random.Random, raw: bytes, _: bytes) -> bytes:
    at = chance.randint(0, len(raw))
    return raw[:at] + chance.choice(WORDS) * chance.choice((1, 1, 1, 3, 200)) + raw[at:]


def _splice(chance: random.Random, raw: bytes, other: bytes) -> bytes:
    return raw[: chance.randint(0, len(raw))] + other[chance.randint(0, len(other)) :]


def _graft(chance: random.Random, raw: bytes, other: bytes) -> bytes:
    at, (start, end) = chance.randint(0, len(raw)), _span(chance, other)
    return raw[:at] + other[start:end] + raw[at:]


def _swap_lines(chance: random.Random, raw: bytes, _: bytes) -> bytes:
    lines = raw.split(b"\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def _span(chance: random.Random, raw: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(raw))
    return start, min(len(raw), start + chance.choice((1, 4, 20, 80, 400, 4_000)))


CHANGES: tuple[Change, ...] = (_cut, _double, _flip, _word, _word, _splice, _graft, _swap_lines)


@dataclass
class Pool:
    """What is changed further."""

    chance: random.Random
    mails: list[bytes]
    seen: set[object] = field(default_factory=set)

    @classmethod
    def of(cls, folders: tuple[Path, ...], seed: int) -> Pool:
        found = [path.read_bytes() for folder in folders for path in sorted(folder.glob("*.eml"))]
        return cls(random.Random(seed), [raw[:LARGEST] for raw in found])

    def next(self) -> bytes:
        raw = self.chance.choice(self.mails)
        for _ in range(self.chance.choice((1, 1, 2, 3, 5))):
            raw = self.chance.choice(CHANGES)(self.chance, raw, self.chance.choice(self.mails))[:LARGEST]
        return raw

    def learn(self, raw: bytes, said: object) -> None:
        """Keep a mail that gave an answer which none gave before."""
        if said not in self.seen and len(self.mails) < POOL:
            self.seen.add(said)
            self.mails.append(raw)
