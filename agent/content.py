"""What a text carries: links in any syntax, gaps, characters that hide, secrets, facts. Pure and linear.

Rules:
- Text is looked at as a reader and a mail program would: NFKC, entities and percent signs decoded, invisible
  characters taken out first.
- Where it is not clear whether something is a link, it is one.
- An allowed link is compared by scheme, host and path, never as a string.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from publicsuffixlist import PublicSuffixList

LIMIT = 100_000
"""Characters that are looked at; proposals are shorter."""

_SCHEME = re.compile(
    r"(?i)\b(?:h\W{0,3}[tx]{2}\W{0,3}ps?|ftps?|file|wss?|ssh|git|tel|sms|ms-\w+|intent)\s?:\s?/{0,2}[^\s<>\"')\]]+"
)
_BARE_SCHEME = re.compile(
    r"(?i)\b(?:mailto|data|javascript|vbscript|cid|mid|blob|about|magnet|callto|skype|whatsapp)\s?:\s?[^\s<>\"')\]]+"
)
_WWW = re.compile(r"(?i)\bwww\d{0,3}\s?\.\s?[^\s<>\"')\]]+")
_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/[^\s]*)?\b|\[[0-9a-fA-F:]{2,45}\]")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:@]{1,64}@[^\s<>()\[\]\"',;:@]{1,253}")
_DOT = re.compile(
    r"(?i)\s*(?:\[\s*\.\s*\]|\(\s*\.\s*\)|\{\s*\.\s*\}|\[\s*dot\s*\]|\(\s*dot\s*\)|\{\s*dot\s*\}|\s+(?:dot|punkt|point|punto)\s+)\s*"
)
_AT = re.compile(r"(?i)\s*(?:\[\s*at\s*\]|\(\s*at\s*\)|\{\s*at\s*\})\s*")
_DOTS = str.maketrans(
    {"\u3002": ".", "\uff0e": ".", "\uff61": ".", "\u2024": ".", "\u00b7": ".", "\u2044": "/", "\u2215": "/"}
)
_HOST = re.compile(
    r"(?<![\w.@-])((?:[\w-]{1,63}\.){1,10}([^\W\d_]{2,24}|xn--[\w-]{1,59}))\.?(?![\w@-])((?::\d{1,5})?(?:[/?#][^\s<>\"')\]]*)?)"
)
_MARKDOWN = re.compile(
    r"!?\[[^\]\n]{0,300}\]\s?(?:\(\s*([^)\s]{1,1000})|\[[^\]\n]{0,100}\])|^\s{0,3}\[[^\]\n]{1,100}\]:\s*(\S+)",
    re.MULTILINE,
)
_HTML = re.compile(
    r"(?i)<\s*(?:a|img|link|iframe|form|script|object|embed|video|audio|source|base|meta|svg|style)\b[^>]{0,1000}>?"
)
_GAP = re.compile(
    r"\{\{[^{}\n]{0,100}\}\}?|\{%[^\n]{0,100}%\}|\$\{[^{}\n]{1,100}\}|<%[^\n]{0,100}%>|\[\[[^\[\]\n]{1,100}\]\]|\{\{|\}\}"
)
_RESERVED_TLDS = frozenset(
    {"example", "test", "invalid", "localhost", "local", "internal", "onion", "lan", "home", "corp"}
)

_NUMBER = re.compile(r"\d+(?:[.,:/\-]\d+)*")
_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)(?<!\n)\b[A-ZÄÖÜÉÈÀÇŁŚŻÑ][a-zäöüßéèàçłśżñ]{2,}\b")

_SECRETS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY")),
    ("an AWS key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("an API key", re.compile(r"\b(?:sk|pk|rk)[-_](?:live|test|proj|ant|or)?[-_]?[A-Za-z0-9_-]{20,}")),
    ("a webhook secret", re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]{16,}")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a Google key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("a token", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.")),
    ("a password", re.compile(r"(?i)\b(?:password|passwort|passwd|api[_ -]?key|secret)\s*[:=]\s*\S{6,}")),
)
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def is_invisible(character: str) -> bool:
    """A character that a reader does not see, or that turns the order of others; line ends and tabs are none."""
    if character in "\n\t":
        return False
    code = ord(character)
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}
        or code in {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2028, 0x2029, 0x3164, 0xFFA0, 0x2800}
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE0FFF
    )


def invisible(text: str) -> list[str]:
    """The invisible characters in the text, as U+XXXX, each once."""
    return sorted({f"U+{ord(character):04X}" for character in text[:LIMIT] if is_invisible(character)})


def visible(text: str) -> str:
    """The text as it is looked at here: decoded, normalised, invisible characters out."""
    shown = "".join(character for character in text[:LIMIT] if not is_invisible(character))
    for _ in range(2):  # one level of hiding behind another
        shown = unquote(html.unescape(shown))
    return unicodedata.normalize("NFKC", shown.translate(_DOTS)).translate(_DOTS)


def links(text: str) -> list[str]:
    """Everything in the text that a reader or a mail program could follow, in order of kind; addresses too."""
    shown = visible(text)
    plain = _AT.sub("@", _DOT.sub(".", shown))
    found: dict[str, None] = {}
    for pattern in (_SCHEME, _BARE_SCHEME, _WWW, _HTML):
        for match in pattern.finditer(plain):
            found[match[0].rstrip(".,;:!?")] = None
    for match in _MARKDOWN.finditer(plain):
        found[(match[1] or match[2] or match[0]).rstrip(".,;:!?")] = None
    rest = plain
    for one in found:
        rest = rest.replace(one, " ")
    for match in _ADDRESS.finditer(rest):
        found[match[0].rstrip(".,;:!?")] = None
    rest = _ADDRESS.sub(" ", rest)
    for match in _HOST.finditer(rest):
        if _is_host(match[1]):
            found[(match[1] + match[3]).rstrip(".,;:!?")] = None
    for match in _IP.finditer(rest):
        found[match[0]] = None
    return list(found)


def _is_host(name: str) -> bool:
    tld = name.rpartition(".")[2].lower()
    return tld in _RESERVED_TLDS or tld.startswith("xn--") or _suffixes().publicsuffix(tld) is not None


def is_allowed(link: str, allowed: Iterable[str], addresses: Iterable[str]) -> bool:
    """True for an address of ours (or of the reader), and for a link below one of the allowed ones."""
    if link.lower().removeprefix("mailto:") in {one.lower() for one in addresses}:
        return True
    try:
        given = urlsplit(link)
        port = given.port
    except ValueError:
        return False
    if given.scheme not in {"https", "http"} or given.username is not None or "\\" in link or not given.hostname:
        return False
    if ".." in given.path or not link.isascii() or "%" in given.netloc:
        return False
    for one in allowed:
        base = urlsplit(one if "://" in one else f"https://{one}")
        same = (given.scheme, given.hostname.rstrip("."), port) == (base.scheme, base.hostname, base.port)
        path = base.path.rstrip("/")
        if same and (given.path == path or given.path.startswith(path + "/")):
            return True
    return False


def gaps(text: str) -> list[str]:
    """Template marks that nobody filled in."""
    return list(dict.fromkeys(match[0] for match in _GAP.finditer(visible(text))))


def secrets(text: str) -> list[str]:
    """Kinds of secrets that the text seems to hold; the values are not given."""
    shown = visible(text)
    found = [name for name, pattern in _SECRETS if pattern.search(shown)]
    if any(_luhn(re.sub(r"\D", "", match[0])) for match in _CARD.finditer(shown)):
        found.append("a card number")
    return found


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0 and len(set(digits)) > 1


def claims(text: str) -> list[str]:
    """What a reader would take for facts: numbers, dates, amounts, and names within a sentence."""
    shown = visible(text)
    found = [match[0] for match in _NUMBER.finditer(shown)]
    found += [match[0] for match in _NAME.finditer(shown)]
    return list(dict.fromkeys(found))


def unsupported(text: str, sources: Iterable[str]) -> list[str]:
    """The claims of the text that stand in none of the sources."""
    known = {
        one.casefold() for source in sources for one in (*_NUMBER.findall(visible(source)), *_words(visible(source)))
    }
    return [claim for claim in claims(text) if claim.casefold() not in known]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
