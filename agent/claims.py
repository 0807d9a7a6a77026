"""What a text states as fact, and what of it stands in no source. Pure, linear in text and sources.

Rules:
- Numbers, amounts, percentages, dates, times, codes and names are claims; each must stand in a source as the same
  value, however it is written: 1,234.50 is 1 234,5 and 1'234.50, 6 pm is 18:00, three is 3, 2026-11-20 is
  20 November 2026 and 20.11.26. What can be read in two ways needs a source for one of them.
- An amount needs its currency and a percentage its sign in the source too. A code (LG-48213) counts as a whole.
- Names are words with a capital inside a sentence, several in a row at its start, and words with capitals within. In
  a language that writes all nouns so, more is asked than needed, never less.
- Nothing here says that a text is true: a wrong number can stand in a source, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from agent.visible import visible


def _table(lines: str) -> dict[str, str]:
    """Every later word of a line stands for its first."""
    rows = (line.split() for line in lines.strip().splitlines())
    return {word: first for first, *words in rows for word in words}


_MONTHS = _table("""
    1 january jan januar janvier enero gennaio januari
    2 february feb februar février febrero febbraio februari
    3 march mar märz mars marzo maart
    4 april apr avril abril aprile
    5 may mai mayo maggio mei
    6 june jun juni juin junio giugno
    7 july jul juli juillet julio luglio
    8 august aug août agosto augustus
    9 september sep sept septembre septiembre settembre
    10 october oct oktober okt octobre octubre ottobre
    11 november nov novembre noviembre
    12 december dec dezember dez décembre diciembre dicembre
""")
_NUMBERS = _table("""
    2 two zwei
    3 three drei
    4 four vier
    5 five fünf
    6 six sechs
    7 seven sieben
    8 eight acht
    9 nine neun
    10 ten zehn
    11 eleven elf
    12 twelve zwölf dozen dutzend
    14 fourteen vierzehn
    15 fifteen fünfzehn
    20 twenty zwanzig
    30 thirty dreißig dreissig
    40 forty vierzig
    50 fifty fünfzig
    60 sixty sechzig
    70 seventy siebzig
    80 eighty achtzig
    90 ninety neunzig
    100 hundred hundert
    1000 thousand tausend
    1000000 million
""")
_CURRENCIES = _table("""
    EUR EUR € EURO EUROS
    USD USD $ DOLLAR DOLLARS
    GBP GBP £ POUND POUNDS
    CHF CHF FRANC FRANCS FRANKEN
    JPY JPY ¥ YEN
    INR INR ₹ RUPEES
    PLN PLN ZŁ
    SEK SEK
    NOK NOK
    DKK DKK
    CZK CZK
    CAD CAD
    AUD AUD
""")
_CODES = "|".join(word for word in _CURRENCIES if word.isalpha())

_TOKEN = re.compile(
    rf"""(?ix)
    (?P<before>[€$£¥₹]\ ?|(?<![^\W_])(?:{_CODES})\ )?
    (?<![^\W_])(?P<code>[1-9]\d{{0,2}}(?:[\ '’]\d{{3}})+(?:[.,]\d+)?(?!\w)|[^\W_][\w]*(?:[-./:,][\w]+)*)
    (?P<after>(?<=\d)(?:\ ?[%€$£¥₹](?!\d)|\ (?:{_CODES}|am|pm|a\.m|p\.m|percent|prozent)(?![^\W_])))?
    """
)
_PLAIN = re.compile(r"\d+(?:[.,:/-]\d+)*")
_WITH_UNIT = re.compile(r"(?i)(\d+(?:[.,:]\d+)?)(am|pm|th|st|nd|rd|h|kg|g|mg|km|m|cm|mm|l|ml|x|-[^\W\d_]+)")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,2}(?:\.\d{3})+")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})")
_APART = re.compile(r"[ '’]")
"""Between the thousands of a number, where no dot and no comma stands."""
_YEAR = r"(\d{4}|['’]\d{2}|\d{2}(?=[.,;:!?)]?(?:\s|$)))"
_LONG = re.compile(
    rf"(?i)(?<!\w)(?:(\d{{1,2}})(?:st|nd|rd|th|er|\.)? (?:of |de )?({'|'.join(_MONTHS)})\.?,? (?:de )?{_YEAR}"
    rf"|({'|'.join(_MONTHS)})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? {_YEAR})(?!\w)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?:;\n•>*|]")
_IN_CODE = re.compile(r"[\d_-]")
_OPENERS = frozenset(
    """
    a an and as at because best both but by dear each every for from good greetings hallo hello here hi however i if in
    it its kind let many most my no not of on once one or our please since so some sorry thank thanks that the
    their there these they this those to unfortunately until we what when where which while who with yes you your
    yours guten liebe lieber sehr vielen wir sie ihr ihre ihren das der die ein eine
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)
_NO_NAMES = frozenset(
    """
    ok faq faqs pdf asap fyi ps am pm re mr mrs ms dr sir madam regards wishes team grüße grüßen
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)

SHORT = 4_000
"""Characters up to which a source is remembered."""
Wanted = tuple[frozenset[str], ...]
"""Sets of values, any one of which supports a claim where a source has all of it."""


def facts_in(text: str) -> list[str]:
    """The claims of the text as they stand in it, each once."""
    return list(dict.fromkeys(shown for shown, _ in _claims(visible(text))))


def unsupported(text: str, sources: Iterable[str]) -> list[str]:
    """The claims of the text that stand in none of the sources, as they stand in the text."""
    known = _read(sources)
    missing = (shown for shown, wanted in _claims(visible(text)) if not any(one <= known for one in wanted))
    return list(dict.fromkeys(missing))


def _claims(text: str) -> Iterator[tuple[str, Wanted]]:
    for match in _LONG.finditer(text):
        yield match[0], (frozenset({_long_date(match)}),)
    text = _LONG.sub(" ", text)
    for match in _TOKEN.finditer(text):
        if any(character.isdigit() for character in match["code"]):
            yield match[0].strip(), tuple(_readings(match))
    for word in _WORD.findall(text):
        if word.casefold() in _NUMBERS:
            yield word, (frozenset({_NUMBERS[word.casefold()]}), frozenset({f"word {word.casefold()}"}))
    for name in _names(text):
        yield name, tuple(frozenset({f"word {part}" for part in parts}) for parts in _spellings(name))


def _read(sources: Iterable[str]) -> frozenset[str]:
    """All that the sources hold, as values and words."""
    return frozenset().union(*(_known(one) if len(one) <= SHORT else _known.__wrapped__(one) for one in sources))


@lru_cache(maxsize=512)
def _known(source: str) -> frozenset[str]:
    """Of one source. Kept for some: a playbook's entries are sources of all mail, and a draft is judged twice."""
    text = visible(source)
    # Dates and tokens end with their line, and those that count have a digit: most lines have none.
    lines = "\n".join(line for line in text.split("\n") if any(map(str.isdigit, line)))
    known = {_long_date(match) for match in _LONG.finditer(lines)}
    for match in _TOKEN.finditer(lines):
        if not match["code"].isalpha():
            known.update(*_readings(match))
    for word in set(_WORD.findall(text)):
        if word.isalpha():  # nearly all are: it has one spelling
            known.add(f"word {word.casefold()}")
        else:
            known.update(f"word {part}" for parts in _spellings(word) for part in parts)
    known.update(part for date in [one for one in known if one.startswith("date ")] for part in _parts_of(date))
    return frozenset(known | {number for word, number in _NUMBERS.items() if f"word {word}" in known})


def _readings(match: re.Match[str]) -> Iterator[frozenset[str]]:
    """What a token with digits may mean; nothing for a word without."""
    token = _APART.sub("", match["code"])
    unit = _WITH_UNIT.fullmatch(token)
    number, mark = (unit[1], unit[2]) if unit else (token, match["after"] or "")
    if not _PLAIN.fullmatch(number):
        if any(character.isdigit() for character in token):
            yield frozenset({f"code {token.casefold()}"})
        return
    mark = mark.strip().upper().replace(".", "")
    unit_of = "%" if mark in {"%", "PERCENT", "PROZENT"} else _currency(match["before"]) or _currency(mark)
    # 5 200 may be five, and two hundred.
    apart = [frozenset(map(_value, match["code"].split(" ")))] if " " in match["code"] else []
    for values in (*_values(number), *apart):
        read = frozenset(map(_afternoon, values)) if mark == "PM" else values
        yield read | {f"{value} {unit_of}" for value in read} if unit_of else read


def _currency(mark: str | None) -> str:
    return _CURRENCIES.get((mark or "").strip().upper(), "")


def _values(number: str) -> Iterator[frozenset[str]]:
    """Each way to read it: 03/04/2026 is two dates, 9-18 is two numbers."""
    iso, day_first = _ISO.fullmatch(number), _DAY_FIRST.fullmatch(number)
    if iso:
        yield frozenset({_date(iso[1], iso[2], iso[3])})
        return
    if day_first:
        day, mark, month, year = day_first.groups()
        yield frozenset({_date(year, month, day)})
        if mark == "/":
            yield frozenset({_date(year, day, month)})
        if len(year) == 4:
            return
    yield frozenset(map(_value, re.split("[-/]", number)))


def _value(number: str) -> str:
    """One form of a number or a time; digits only, never an int, so that its length costs nothing."""
    if ":" in number:
        hour, _, rest = number.partition(":")
        hour = hour.lstrip("0") or "0"
        return hour if set(rest) <= set("0:") else f"{hour}:{rest}"
    if _GROUPED.fullmatch(number):
        return re.sub("[.,]", "", number)
    place = max(number.rfind("."), number.rfind(","))
    if place < 0:
        return number.lstrip("0") or "0" if len(number) == 2 else number
    whole, fraction = re.sub("[.,]", "", number[:place]), number[place + 1 :].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _afternoon(value: str) -> str:
    hour, colon, minutes = value.partition(":")
    later = {str(one): str(one + 12) for one in range(1, 12)}
    return later.get(hour, hour) + colon + minutes


def _date(year: str, month: str, day: str) -> str:
    """A year of two digits is one of a century around 2020."""
    short = year.lstrip("'’")
    year = f"{20 if short < '70' else 19}{short}" if len(short) == 2 else short
    return f"date {year}-{month.lstrip('0')}-{day.lstrip('0')}"


def _long_date(match: re.Match[str]) -> str:
    day, month, year = (match[1], match[2], match[3]) if match[1] else (match[5], match[4], match[6])
    return _date(year, _MONTHS[month.casefold()], day)


def _parts_of(date: str) -> Iterator[str]:
    """What else a source says that holds this date."""
    year, month, day = date.removeprefix("date ").split("-")
    yield from (year, day)
    yield from (f"word {name}" for name, number in _MONTHS.items() if number == month)


def _names(text: str) -> Iterator[str]:
    words = list(_WORD.finditer(text))
    for place, match in enumerate(words):
        word = match[0]
        if not _may_be_name(word) or _IN_CODE.match(text[match.start() - 1 : match.start()] or " ", 0):
            continue
        if _IN_CODE.match(text[match.end() : match.end() + 1] or " "):
            continue
        between = text[words[place - 1].end() : match.start()] if place else "\n"
        if _has_capitals_within(word) or not _SENTENCE_END.search(between):
            yield word
        elif place + 1 < len(words):
            after = words[place + 1]
            if text[match.end() : after.start()] == " " and _may_be_name(after[0]):
                yield word


def _may_be_name(word: str) -> bool:
    if len(word) < 2 or word == word.lower() or word.casefold() in _NO_NAMES or word.upper() in _CURRENCIES:
        return False
    return word.casefold() not in _OPENERS or _has_capitals_within(word)


def _has_capitals_within(word: str) -> bool:
    return any(part[1:] != part[1:].lower() for part in re.split("['’-]", word))


def _spellings(word: str) -> Iterator[frozenset[str]]:
    """The word, without an apostrophe's ending, and as its parts between hyphens."""
    folded = word.casefold()
    yield frozenset({folded})
    base = re.split("['’]", folded)[0]
    if len(base) > 1:
        yield frozenset({base})
    if "-" in folded:
        yield frozenset(folded.split("-"))
