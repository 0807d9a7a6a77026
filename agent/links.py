"""Links in a text, in any syntax, and which of them are allowed. Pure, linear in the text.

Rules:
- Where it is not clear whether something is a link, it is one: bare, Markdown, HTML, obfuscated, misspelt on purpose.
- A link ends where the widest of mail programs would end it; what else it may hold is for `is_allowed` to refuse.
- An allowed link is compared by scheme, host (in A-labels), port and whole steps of the path, never as a string. What
  follows the path holds nothing that could be a second link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from publicsuffixlist import PublicSuffixList

from agent.visible import views
from inbound.addresses import canonical_domain

_COMMON = "com|net|org|info|biz|edu|gov|ru|cn|xyz|io|de|uk|eu|ch|fr|nl|pl|top|example"
"""Where white space stands for the dot's neighbours, only these count: `shop. In` is no host."""
_FOLD: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i) ?[\[({<] ?(?:\.|dot|punkt|point|punto) ?[\])}>] ?"), "."),
    (re.compile(r"(?i) ?[\[({] ?(?:@|at) ?[\])}] ?"), "@"),
    (re.compile(r" ?[\[({] ?(:/{0,2}|/) ?[\])}] ?"), r"\1"),
    (re.compile(rf"(?i)(?<=\w) (?:dot|punkt|point|punto) (?=(?:{_COMMON})\b)"), "."),
    (re.compile(rf"(?<=\w)(?: \. ?|\. )(?=(?:{_COMMON})\b)"), "."),
)
_SPACES = re.compile(r"[^\S\n]+")

_END = r"[^\s<>]"
_SCHEMES = re.compile(
    rf"""(?ix)
    h[\W_]{{0,2}}[tx*_][\W_]{{0,2}}[tx*_][\W_]{{0,2}}p(?:[\W_]{{0,2}}s)?[ ]?:[ ]?/{{0,3}}{_END}+
    | (?<![a-z0-9+.-])[a-z][a-z0-9+.-]{{1,30}}://{_END}+
    | (?<![\w-])(?:java|vb|live)[ ]?script[ ]?:[ ]?{_END}+
    | (?<![\w-])(?:mailto|tel|sms|smsto|callto|skype|whatsapp|facetime|sips?|xmpp|magnet|geo|intent|market|cid|mid|blob
        |file|git|ssh|news|urn|bitcoin|ethereum|lightning|about|view-source|data|ftps?|ms-[\w-]{{1,30}}):
        (?=[^\s\d]|\d{{5}}){_END}+
    | (?<![\w-])www\d{{0,3}}[ ]?\.[ ]?{_END}+
    | (?<!\S)\\\\\w{_END}*
    """
)
_HTML = re.compile(
    r"(?i)<\s?/?\s?(?:a|area|img|link|iframe|frame|form|button|input|script|object|embed|video|audio|source|base|meta|"
    r"svg|style|math|body|table|div|span|p|br|html)(?![a-z0-9@.])[^<>]{0,1000}>?"
    r"|\b(?:href|src|srcset|action|formaction|poster|xlink:href|on[a-z]{3,20})\s?=\s?\S"
)
_MARKDOWN = re.compile(r"\]\(\s?([^)\s]+)|(\]\s?\[[^\]\n]*\])|\]:\s?(\S+)")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]{1,64}@[^\s<>()\[\]\"',;:@/?#]{1,253}")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"\[([0-9a-fA-F:.]{2,45})\]")
_HOSTISH = re.compile(r"[^\s<>()\[\]{}\"'“”„‘’«»,;:!?/\\|@#=&*^~`$%+…—–]+")
_TLD_START = re.compile(r"xn--[a-z0-9-]+|[a-z]{2,24}(?=[^a-z0-9]|$)")
_TRAILING = ".,;:!?)]}>\"'*_~`”’»…"

_RESERVED = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "onion", "lan", "home", "corp"})
_CONFUSABLE = str.maketrans("аеорсухіѕјԁոмткнвοανικτρ", "aeopcyxisjdnmtkhboaviktp")
_REST = re.compile(r"(?:/[A-Za-z0-9._~%+-]*)*(?:\?[A-Za-z0-9._~%+&=-]*)?(?:#[A-Za-z0-9._~%+-]*)?")


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def links(text: str) -> list[str]:
    """Everything in the text that a reader or a mail program could follow, each once; addresses too."""
    return list(_links(text))


@lru_cache(maxsize=32)
def _links(text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for view in views(text):
        flat = _SPACES.sub(" ", view)
        found.update(dict.fromkeys(_in(flat)))
        folded = flat
        for pattern, written in _FOLD:
            folded = pattern.sub(written, folded)
        if folded != flat:
            found.update(dict.fromkeys(_in(folded)))
    return tuple(found)


def _in(text: str) -> Iterator[str]:
    yield from (match[0] for match in _HTML.finditer(text))
    for match in _MARKDOWN.finditer(text):
        yield (match[1] or match[2] or match[3]).strip("<>").rstrip(_TRAILING) or match[0]
    for pattern in (_SCHEMES, _ADDRESS, _IPV4):
        yield from (match[0].rstrip(_TRAILING) for match in pattern.finditer(text))
        text = pattern.sub(" ", text)
    yield from (match[0] for match in _IPV6.finditer(text) if _is_ip(match[1]))
    for chunk in text.split():
        if "." in chunk:
            yield from _hosts(chunk)


def _hosts(chunk: str) -> Iterator[str]:
    """From the first host to the end of the chunk: what follows may be its path."""
    for match in _HOSTISH.finditer(chunk):
        if _is_host(match[0]):
            yield chunk[match.start() :].lstrip(".-_").rstrip(_TRAILING)
            return


def _is_host(token: str) -> bool:
    """Any part behind a dot is a top-level domain: `shop.com.Then` is linked by some programs."""
    for name in re.split(r"\.{2,}", token.lower().strip(".-_")):
        _, *others = name.split(".")
        if any(_is_tld(label) or _is_tld(label.translate(_CONFUSABLE)) for label in others):
            return True
    return False


def _is_tld(label: str) -> bool:
    if not label.isascii():
        encoded = canonical_domain(label) or ""
        if _suffixes().publicsuffix(encoded) is not None:
            return True
    match = _TLD_START.match(label)
    if match is None:
        return False
    tld = match[0]
    return tld in _RESERVED or tld.startswith("xn--") or _suffixes().publicsuffix(tld) is not None


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_allowed(link: str, allowed: Iterable[str], addresses: Iterable[str]) -> bool:
    """True for one of the addresses, and for a link at or below one of the allowed ones."""
    bare = link.lower()
    if bare.removeprefix("mailto:") in {one.lower() for one in addresses}:
        return True
    return any(bare == one.lower() or _is_below(link, one) for one in allowed)


def _is_below(link: str, allowed: str) -> bool:
    base = _split(allowed if "://" in allowed else f"https://{allowed}")
    if base is None or base.scheme not in {"https", "http"}:
        return False
    # Without a scheme a mail program adds one; the host is what counts.
    given = _split(link if "://" in link else f"{base.scheme}://{link}")
    if given is None or given.scheme != base.scheme or _site(given) != _site(base):
        return False
    rest = link.partition("://")[2] or link
    rest = rest[len(given.netloc) :]
    path = base.path.rstrip("/")
    if ".." in unquote(unquote(given.path)) or "//" in rest or not _REST.fullmatch(rest):
        return False
    if given.path != path and not given.path.startswith(path + "/"):
        return False
    return not any(_is_host(token) for token in _HOSTISH.findall(f"{given.query} {given.fragment}"))


def _split(link: str) -> SplitResult | None:
    try:
        found = urlsplit(link)
        _ = found.port
    except ValueError:
        return None
    plain = found.hostname and found.username is None and not set("%\\") & set(found.netloc)
    return found if plain else None


def _site(link: SplitResult) -> tuple[str | None, int]:
    return canonical_domain(link.hostname or ""), link.port or (443 if link.scheme == "https" else 80)
