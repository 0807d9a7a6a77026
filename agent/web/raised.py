"""The words of a mail that raised a risk, so that a person sees what was meant. Pure.

Rules:
- Found again in what the mail says; where nothing can be shown, nothing is.
- At most `MOST` pieces of `LENGTH` characters; characters that nobody sees are told by their names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from html import unescape

from agent.lexicon import MACHINE_ORDERS
from agent.reading import reading
from agent.suspicions import ELSEWHERE
from inbound import codes, links
from inbound.bounds import BoundBrokenError
from inbound.contracts import InboundEmailIntent, NormalizedEmail
from inbound.parts import Found
from inbound.tree import build, check, shorten

MOST, LENGTH = 3, 160
MOST_HTML = 200_000
_PIECE = re.compile(r"<style.*?</style>|<script.*?</script>|<[^>]*>|([^<]+)", re.DOTALL | re.IGNORECASE)
_LINK = re.compile(r"<a\s[^>]*?href=\"([^\"]{1,2000})\"[^>]*>(.{1,2000}?)</a", re.DOTALL | re.IGNORECASE)
_UNSEEN = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
_WORD = re.compile(r"\S+")

Finder = Callable[[NormalizedEmail, list[str]], Iterable[str]]


def raised(
    email: NormalizedEmail, intent: InboundEmailIntent | None, found: Found | None
) -> list[tuple[str, list[str]]]:
    """Every risk of a mail with the words behind it. `found` is the mail taken apart, where its bytes are kept."""
    told = {*email.risks, *(intent.risks if intent else ())}
    pages = [page[:MOST_HTML] for block in found.blocks for page in block.html] if found else []
    return [(code, _shown(_FINDERS.get(code.removeprefix("model:"), _nothing)(email, pages))) for code in sorted(told)]


def _shown(pieces: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for piece in pieces:
        words = " ".join(_UNSEEN.sub(_named, piece).split())
        if words and words not in kept:
            kept.append(words if len(words) <= LENGTH else words[:LENGTH] + " …")
        if len(kept) == MOST:
            break
    return kept


def _named(match: re.Match[str]) -> str:
    return f"[{unicodedata.name(match[0], f'U+{ord(match[0]):04X}').lower()}]"


def _nothing(_email: NormalizedEmail, _pages: list[str]) -> Iterable[str]:
    return ()


def _reply_to(email: NormalizedEmail, _pages: list[str]) -> Iterable[str]:
    author = email.author.email if email.author else ""
    return [one.email for one in email.reply_to if one.email != author]


def _header(name: str) -> Finder:
    return lambda email, _: [value for one, value in email.headers if one == name]


def _hidden(email: NormalizedEmail, pages: list[str]) -> Iterator[str]:
    """What stands in the page and not in what a reader sees."""
    seen = "".join(email.text.split()).replace(">", "")
    for page in pages:
        try:
            check(page)
            markup = build(shorten(page)[0])
        except BoundBrokenError:
            continue
        for match in _PIECE.finditer(markup):
            words = unescape(match[1] or "")
            bare = "".join(words.split()).replace(">", "")
            if len(bare) > 2 and bare not in seen:
                yield words


def _links(_email: NormalizedEmail, pages: list[str]) -> Iterator[str]:
    for page in pages:
        for target, inner in _LINK.findall(page):
            text = unescape(re.sub(r"<[^>]*>", "", inner))
            if links.differs(text, unescape(target)):
                yield f"{' '.join(text.split())[:60]} leads to {links.host_of(unescape(target))}"


def _invisible(email: NormalizedEmail, pages: list[str]) -> Iterator[str]:
    for text in (*(value for name, value in email.headers if name in {"subject", "from"}), *pages):
        for match in _UNSEEN.finditer(text):
            yield text[max(0, match.start() - 12) : match.end() + 12]


def _mixed(email: NormalizedEmail, _pages: list[str]) -> Iterator[str]:
    author = email.author.email if email.author else ""
    for word in (author, *_WORD.findall(email.text)[:20_000]):
        scripts = {unicodedata.name(char, "?").split()[0] for char in word if char.isalpha()}
        if len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1:
            yield word


def _questions(email: NormalizedEmail, _pages: list[str]) -> Iterable[str]:
    return [one.text for one in reading(email.new_text).asking]


def _orders(email: NormalizedEmail, _pages: list[str]) -> Iterator[str]:
    text = f"{email.subject}\n{email.text}"
    for match in (*MACHINE_ORDERS.finditer(text), *ELSEWHERE.finditer(text)):
        start, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
        yield text[max(start, match.start() - 60) : min(end if end >= 0 else len(text), match.end() + 60)]


_FINDERS: dict[str, Finder] = {
    codes.REPLY_TO_DIFFERS: _reply_to,
    codes.SEVERAL_FROM: _header("from"),
    codes.NAME_IS_ADDRESS: _header("from"),
    codes.HIDDEN_TEXT: _hidden,
    codes.LINK_TEXT_DIFFERS: _links,
    codes.BIDI: _invisible,
    codes.INVISIBLE: _invisible,
    codes.TAG_CHARACTERS: _invisible,
    codes.MIXED_SCRIPT: _mixed,
    "several_questions": _questions,
    "instructions_to_machine": _orders,
}
