"""A mail's text as sentences that ask, order or merely tell. Pure; English.

Rules:
- Greeting, courtesies, farewell and the names under it are cut; what stands beside a farewell is not.
- A sentence asks if it has a question mark, the beginning of a question, or asks to be told; an order is none.
- A text without any such sentence may be a heading (`opening hours saturday`): one without verb and person asks too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from agent.lexicon import (
    ASKED,
    ASKING,
    CHATTER,
    COURTESY,
    FAREWELL,
    GREETING,
    MARKED,
    NEUTRAL,
    ORDERS,
    SHORT_FORMS,
    TELLING,
    WANTING,
    word_set,
)

MAX_SENTENCES = 60
_SENTENCE = re.compile(r"(?<=[.!?;\u3002\uff1f\uff01])(?<!\bMr\.)(?<!\bDr\.)\s+|(?<=[?!])(?=[A-Za-z])| - ")
_ON_INVOICE = re.compile(r"(?i)\b(?:on|by|per|via|against) (?:an )?invoice\b")
"""A way to pay, where `the invoice` is a paper."""
_ITEM = re.compile(r"[-*\u2022]\s|\d+[.)]\s")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_ENDS = {"re": "are", "ll": "will", "ve": "have", "m": "am", "d": "would", "s": ""}
_FINITE = word_set("is are was were am do does did have has had i we you he she they will would can could")

_BEFORE_VERB = word_set("please kindly and also then just now")
_NAMELIKE = word_set("and the from of family mrs mr ms dr all us")
_IN_NAMES = word_set("garden tools larkspur club company school")
_SAYING = (MARKED | ORDERS | CHATTER | NEUTRAL) - _NAMELIKE - _IN_NAMES


@dataclass(frozen=True)
class Sentence:
    text: str
    asks: bool
    orders: bool
    """An order that is none to tell something."""
    question_mark: bool


@dataclass(frozen=True)
class Reading:
    asking: tuple[Sentence, ...]
    """What asks or orders, in the mail's order."""
    telling: tuple[str, ...]
    endless: bool
    """More sentences than are read."""


def fold(text: str) -> str:
    """One form of every character, without accents; straight apostrophes."""
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'").replace("\r\n", "\n")
    if folded.isascii():
        return folded
    return "".join(one for one in unicodedata.normalize("NFD", folded) if not unicodedata.combining(one))


def tokens(text: str) -> list[str]:
    """Words in lower case, short forms spelt out."""
    found: list[str] = []
    for word in _WORD.findall(_ON_INVOICE.sub(" oninvoice", fold(text))):
        start, _, end = word.lower().partition("'")
        if end == "t" and start[-1:] == "n" and start not in {"can", "won", "shan"}:
            found += [start[:-1], "not"]
        elif end in _ENDS:
            found += [start, *_ENDS[end].split()]
        else:
            found += SHORT_FORMS.get(start + end, start + end).split()
    return found


def reading(text: str) -> Reading:
    """Cut a folded text into what asks and what tells."""
    sentences = _sentences(text)
    read = [_sentence(one) for one in sentences[:MAX_SENTENCES]]
    asking = [one for one in read if one.asks or one.orders]
    if not asking:
        asking = [
            Sentence(one.text, asks=True, orders=False, question_mark=False) for one in read if _heading(one.text)
        ]
    texts = {one.text for one in asking}
    telling = tuple(one.text for one in read if one.text not in texts)
    return Reading(tuple(asking), telling, endless=len(sentences) > MAX_SENTENCES)


def _sentences(text: str) -> list[str]:
    text = re.split(r"\n-- ?\n", text, maxsplit=1)[0]
    body = COURTESY.sub(" ", GREETING.sub("", text.strip()))
    kept = [_unfarewelled(one.strip()) for part in _parts(body) for one in _SENTENCE.split(part)]
    while kept and (not kept[-1] or (len(kept) > 1 and _is_name(kept[-1]))):
        kept.pop()
    return [one for one in kept if tokens(one)]


def _parts(body: str) -> list[str]:
    """Lines, joined with what goes on in the next one."""
    parts = [""]
    for line in (one.strip() for one in body.split("\n")):
        before = parts[-1]
        goes_on = before and before[-1] not in ".!?:;" and not FAREWELL.match(before)
        if line and goes_on and not FAREWELL.match(line) and not _ITEM.match(line):
            parts[-1] = f"{before} {line}"
        else:
            parts.append(line)
    return parts


def _unfarewelled(sentence: str) -> str:
    """The sentence without farewell and the name behind it; all the rest where more than a name follows."""
    match = FAREWELL.match(sentence)
    if match is None:
        return sentence
    rest = sentence[match.end() :].strip()
    return "" if not rest or _is_name(rest) else rest


def _is_name(text: str) -> bool:
    """Like `Dr Emil Hartmann` or `jo`, and nothing that says something."""
    words = _WORD.findall(text)
    known = [word for word in words if word.lower() in _SAYING]
    if "?" in text or not words or len(words) > 8 or known or (words[0] == "The" and len(words) > 2):
        return False
    return all(word[0].isupper() or word.lower() in _NAMELIKE for word in words) or (
        len(words) <= 2 and not any(word.lower() in NEUTRAL for word in words)
    )


def _sentence(text: str) -> Sentence:
    mark = "?" in text
    words = tokens(text)
    first = next((word for word in words if word not in _BEFORE_VERB), "")
    opening = ASKING.match(text) is not None
    wants = not mark and WANTING.search(text) is not None
    begs = bool(words) and words[0] in {"please", "kindly"}
    orders = (not mark and not opening and (begs or first in ORDERS) and not TELLING.match(text)) or wants
    asks = mark or opening or ASKED.search(text) is not None or TELLING.match(text) is not None
    return Sentence(text, asks=asks, orders=orders, question_mark=mark)


def _heading(text: str) -> bool:
    words = tokens(text)
    return len(words) <= 10 and not any(word in _FINITE for word in words)
