"""A mail's text as sentences of words, without the forms of politeness. Pure; linear.

Rules:
- Only what a known form of greeting, asking, thanking or signing says is taken away, never the rest of its sentence:
  what stands between two courtesies is always read.
- A sentence asks by a question mark, by how it begins, or by a form of asking; what begins with a verb of doing gives an
  order.
- A name is a capitalised word within a sentence; text in capitals has none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from agent.vocabulary import CONTRACTED, ORDERS, PHRASES, TROUBLE, stem

TEXT_LIMIT = 10_000
MAX_SENTENCES = 60

_SENTENCE = re.compile(
    r"(?<=[.!?;\u3002\uff1f\uff01])\s+|\n\s*\n|\n(?=\s*[-*\u2022\d]+[.)]?\s)|(?<=[?!])(?=[A-Z])|:\s+|\s[-\u2013\u2014]+\s"
)
_WORD = re.compile(r"[^\W_]+(?:['.][^\W_]+)*")
_STICKY = re.compile(r"(?<=[a-z])'(ll|ve|re|m|d|s|t)\b")
_STICKS = {"ll": " will", "ve": " have", "re": " are", "m": " am", "d": " would", "s": "", "t": "t"}

_GREETING = re.compile(
    r"(?i:\A\W*(?:(?:hi|hello|hey|hiya|hallo|bonjour|hola|ciao|dear|greetings|good (?:morning|afternoon|evening|day)|"
    r"to whom it may concern)\b(?:\W+(?:there|all|both|again|team|folks|everyone|everybody|sirs?|madam|or|and|the|you|"
    r"people|guys|customer service|support))*))(?:[ \t]+(?:(?:the )?[A-Z][\w'.]+(?=[ ,!.:\n]))){0,3}(?i:[ \t]+team\b)?[\s,!.:-]*"
)
_THANKS = (
    r"(?:(?:many |with many |with |kind )?thanks?(?: you)?|cheers|ta|thx)(?: (?:so|very) much| a lot| again| kindly| ever so)?"
    r"(?: in advance)?(?: for (?:your|any|the)(?: kind)? (?:help|time|reply|answer|assistance|support|information|advice|response))?"
)
_CLOSING = (
    r"(?:(?:with )?(?:the )?(?:best|kind|kindest|warm|warmest|many)(?: regards| wishes| greetings)?|regards|greetings|saludos|"
    r"yours(?: (?:sincerely|faithfully|truly))?|sincerely(?: yours)?|love|all the best|take care)"
)
_NAME = r"(?:(?:Dr|Mrs?|Ms|Prof|Col|The)\.?[ \t]+)?[A-Z][\w'.-]*(?:[ \t]+[A-Z][\w'.-]*){0,2}"
_FAREWELL = re.compile(
    rf"(?:(?<=[.?!\n])|\A)[ \t]*(?i:{_THANKS}|{_CLOSING})[ \t]*[,.!-]*\s*(?P<name>{_NAME}(?:\n{_NAME})?)?[ \t]*[.!]*\s*\Z"
)
_LAST_LINE = re.compile(rf"\n[ \t]*[-\u2013]?[ \t]*(?P<name>{_NAME})[ \t]*\Z")
_FORMS = re.compile(
    r"(?i)(?<![\w'])(?:"
    r"(?:(?:could|can|would|will|may|might|should) (?:you|i|we|someone|anyone|anybody)(?: (?:please|kindly|possibly|perhaps|just|"
    r"maybe))*|please|kindly|be so kind (?:as )?(?:to|and)) (?:to )?(?:tell|inform|advise|let|send|give|confirm|explain|remind|ask|"
    r"clarify)(?: to)?(?: (?:me|us|you))?(?: know)?(?: to (?:me|us))?(?: (?:about|of|for))?"
    r"|(?:tell|let|send|give) (?:me|us)(?: know)?"
    r"|(?:i|we) (?:am|was|are|were|have been)? ?(?:just |only |simply )?(?:wondering|wonder|curious|asking|enquiring|writing to (?:ask|"
    r"enquire|find out))(?: (?:about|to know))?"
    r"|(?:i|we) (?:would|should|will)(?: just| also)? (?:like|love|be (?:glad|happy|grateful)|appreciate it)"
    r"(?: to (?:know|ask(?: you)?|hear|find out|understand|enquire|check))?(?= (?:if|whether|about|what|which|when|how|who|where|your|"
    r"you|to know))"
    r"|if you (?:could|would|can)(?: please)? (?:tell|let|inform)(?: (?:me|us))?(?: know)?"
    r"|(?:do|would|might) you (?:happen to )?know"
    r"|(?:(?:i|we) (?:have|had|got)|this is|here is|just|only)*(?: got)?(?: just)? ?(?:a|one) (?:(?:quick|short|brief|small|simple|little|"
    r"general)(?: (?:question|one|query|enquiry))|question|query|enquiry)(?: (?:about|on|regarding|for you|please))*"
    r"|(?:sorry|apologies)(?: to| for) (?:bother|trouble|disturb)(?:ing)?(?: you)?|excuse me"
    r"|(?:i )?hope (?:you are|this (?:e-?mail|message|mail) finds you)(?: all)?(?: (?:doing|keeping))? (?:well|fine)"
    r"|looking forward to (?:hearing from you|your (?:reply|answer|response))"
    r"|any (?:help|information|advice) (?:is|would be) (?:much |greatly )?appreciated"
    r"|have a (?:nice|good|great|lovely) (?:day|weekend|week|evening)"
    r"|if (?:i|we) may ask|by any chance|if possible|if you do not mind|for instance|for example|these days|at the moment|"
    r"in particular|in general|at all|of course|by the way|in advance|in detail"
    rf"|{_THANKS}"
    r")(?![\w'])"
)
_OPENER = re.compile(
    r"(?i)\W*(?:(?:and|but|so|then|oh|well|until|till|from|at|on|in|by|for|to|within|up to|or|if [^,]{1,60},)\W+)*"
    r"(?:who|what|when|where|which|whose|why|how|is|are|was|were|do|does|did|can|could|would|will|should|may|might|has|have|am|any)\b"
)
_WISH = re.compile(r"(?i)\W*(?:i|we)(?: would| will| do| am| are)?(?: really| just| also)? (?:need|want|wish|like|love|look|looking|require)\b")


@dataclass(frozen=True)
class Word:
    said: str
    """In lower case."""
    stem: str
    name: bool = False
    """Capitalised within a sentence."""


@dataclass(frozen=True)
class Sentence:
    words: tuple[Word, ...]
    asks: bool
    orders: bool
    source: str


def fold(text: str) -> str:
    """One form of each letter: no accents, straight apostrophes."""
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'")
    return "".join(one for one in unicodedata.normalize("NFD", folded) if not unicodedata.combining(one))


def sentences(text: str) -> list[Sentence]:
    """What the text says and asks, courtesies aside."""
    body = _without_farewell(_spelled_out(fold(text[:TEXT_LIMIT])))
    body = _GREETING.sub("", body, count=1)
    joined = re.sub(r"(?<=[^\n.!?:;])\n(?=[^\n\s\d*\u2022-])", " ", body)
    parts = [part for part in _SENTENCE.split(joined) if part and part.strip()]
    found = [_sentence(part.strip()) for part in parts[:MAX_SENTENCES]]
    return [one for one in found if one.words]


def words_of(text: str) -> tuple[Word, ...]:
    return tuple(_words(_spelled_out(fold(text))))


def _sentence(source: str) -> Sentence:
    bare, forms = _FORMS.subn(" ", source)
    words = tuple(_words(bare))
    first = next((word.said for word in words if word.said not in {"and", "then", "now", "also", "please", "just", "so"}), "")
    asks = "?" in source or bool(_OPENER.match(bare) or _WISH.match(bare)) or (forms > 0 and not _only_thanks(source))
    asks = asks or bool(re.search(r"(?i)\bplease\b", source))
    orders = "?" not in source and first in ORDERS
    return Sentence(words, asks, orders, source)


def _only_thanks(source: str) -> bool:
    return re.sub(rf"(?i){_THANKS}", "", source) != source and _OPENER.match(source) is None


def _words(text: str) -> Iterator[Word]:
    shouted = text.upper() == text
    lower = text.lower()
    for pattern, one in PHRASES:
        lower = pattern.sub(one, lower)
    capital = set() if shouted else {m[0].lower() for m in re.finditer(r"(?<=[a-z,] )[A-Z][\w'-]+", text)}
    for match in _WORD.finditer(lower):
        said = match[0].replace("'", "").replace(".", "")
        for part in CONTRACTED.get(said, said).split():
            yield Word(part, stem(part), said in capital)


def _spelled_out(text: str) -> str:
    text = re.sub(r"(?i)\b(ca|wo)n't\b", lambda m: "can not" if m[1].lower() == "ca" else "will not", text)
    text = re.sub(r"(?i)(?<=[a-z])n't\b", " not", text)
    return _STICKY.sub(lambda m: _STICKS[m[1]], text.replace("I'", "i'"))


def _without_farewell(text: str) -> str:
    text = re.sub(r"(?im)^sent from my \w+(?: \w+)?\s*\Z", "", text.rstrip())
    for _ in range(4):
        match = _FAREWELL.search(text[-300:]) or _LAST_LINE.search(text[-300:])
        if match is None or not _is_name(match["name"] or ""):
            return text
        text = (text[:-300] + text[-300:][: match.start()]).rstrip()
    return text


def _is_name(text: str) -> bool:
    return not any(word.said in TROUBLE or word.said in ORDERS or word.stem in TROUBLE for word in _words(text.lower()))
