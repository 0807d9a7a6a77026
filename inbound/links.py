"""Whether a link of HTML mail leads where its text says, and whether its host's name is what it looks like.

Rules:
- A link whose text names no host deceives nobody about the host: only text that looks like an address is compared.
- Compared are registrable names: `www.shop.example` and `shop.example` are one place.
- Links that a mail gateway rewrote are read through to where they lead.
- A host label that mixes alphabets, or spells a Latin-looking word in another one, is a risk.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from inbound.addresses import canonical_domain

MAX_LINK = 2_000

_SHOWN_HOST = re.compile(
    r"(?i)(?:^|[\s<(\"'])(?:https?://|www\.)?"
    r"((?:[\w\u00a1-\U0010ffff-]{1,63}\.){1,8}[a-z\u00a1-\U0010ffff]{2,24})(?=[/:?#\s>)\"',;.!]|$)"
)
_TARGET = re.compile(r"(?i)^[\s\x00-\x20]*(?:https?:)?[/\\]{2,}(?:[^/\\?#@\s]*@)?([^/\\?#\s]+)")
_MAILTO = re.compile(r"(?i)^\s*mailto:[^?@\s]*@([^?&\s,;]+)")
_GATEWAY = re.compile(
    r"(?i)^https?://[\w.-]*(?:safelinks\.protection\.outlook\.com|urldefense\.(?:com|proofpoint\.com))/"
)
_INNER = re.compile(r"(?i)https?:/{1,2}[^&\s]+")
_WRITTEN = re.compile(r"(?i)\b(?:https?://|www\.)([^\s/?#<>\"'()\[\]]{1,253})")
_FILE = frozenset({"pdf", "doc", "docx", "xls", "xlsx", "txt", "jpg", "png", "gif", "zip", "csv", "html", "eml"})
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
_LOOKALIKES = frozenset("асеорхуіѕјԁԛԝһӏαορνικτυɡⅼ")


def host_of(target: str) -> str | None:
    """The host that a target leads to, in canonical form; None for what leads to no host."""
    target = target[:MAX_LINK]
    if _GATEWAY.match(target):
        inner = _INNER.search(unquote(target[8:]))
        target = re.sub(r"^(https?:)/(?!/)", r"\1//", inner[0]) if inner else target
    found = _TARGET.match(target) or _MAILTO.match(target)
    if found is None:
        return None
    host = unquote(found[1])
    if not host.startswith("["):
        host = host.partition(":")[0]
    return canonical_domain(host) or host.lower()[:253]


def differs(text: str, target: str) -> bool:
    """The text shows a host, and the link leads to another."""
    leads = host_of(target)
    if leads is None:
        return False
    shown = [host for host in (_shown(found) for found in _SHOWN_HOST.findall(text[:MAX_LINK])[:5]) if host]
    return bool(shown) and not any(_same_site(host, leads) for host in shown)


def _shown(found: str) -> str | None:
    if found.rpartition(".")[2].lower() in _FILE:
        return None
    return canonical_domain(found)


def _same_site(shown: str, leads: str) -> bool:
    shown, leads = shown.removeprefix("www."), leads.removeprefix("www.")
    return shown == leads or leads.endswith("." + shown)


def mixed_script(domain: str) -> bool:
    """A label mixes alphabets, or is written wholly in letters of another alphabet that look Latin."""
    return any(_mixed_label(label) for label in domain.lower().split(".")[:20])


def misleads(text: str) -> bool:
    """A link that stands in plain text leads to a host of mixed alphabets."""
    hosts = {found.lower() for found in _WRITTEN.findall(text)}
    return any(mixed_script(host_of(f"http://{host}") or "") for host in sorted(hosts)[:200])


def _mixed_label(label: str) -> bool:
    shown = label
    if label.startswith("xn--"):
        try:
            shown = label[4:].encode("ascii").decode("punycode") if len(label) < 64 else label
        except UnicodeError:
            return True
    letters = {one for one in shown if one.isalpha()}
    scripts = {unicodedata.name(one, "?").split()[0] for one in letters}
    scripts -= {"MODIFIER", "IDEOGRAPHIC", "FULLWIDTH"}
    if scripts & _EAST_ASIAN and scripts <= _EAST_ASIAN | {"LATIN"}:
        return False
    if len(scripts) > 1:
        return True
    return bool(letters) and letters <= _LOOKALIKES
