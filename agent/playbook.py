"""The playbook: a folder of Markdown entries, which are templates, knowledge and the intents at once.

Rules:
- An entry is TOML between `+++` lines, then the reply's text with {{variables}}. TOML is read by the standard library.
- Everything wrong with a folder is told at once, each with its file; an unknown key names the nearest known one.
- A variable's value must match its pattern as a whole and be plain: no markup, link, mark or line end. Other values are
  never filled in; the {{name}} stays, and what has a gap does not leave.
- A reply counts as an entry's only where it equals the entry rendered again from validated values, to the letter.
- The author's name is never filled in: it is the sender's own words.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent.looked import Looked
from inbound.contracts import InboundEmailIntent, RequestedAction
from outbound.contracts import RiskLevel

MAX_VALUE = 100
MAX_REPEATS = 2
"""Repeats of open length in one pattern: each multiplies the time by the length of a value."""
TEXT_LIMIT = 20_000
_FENCE = re.compile(r"\A\+\+\+[ \t]*\n(.*?)\n\+\+\+[ \t]*\n(.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
_PLAIN = re.compile(r"[\w .,:'+/-]{1,100}")


class PlaybookError(Exception):
    """A playbook cannot be used; the message lists every mistake with its file."""


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if re.search(r"[+*}?]\)[+*{]", value):
        raise ValueError("a repeated group that repeats inside takes time without bound; write it flat")
    if re.search(r"\)[+*{]", value) or re.search(r"\\[1-9]|\(\?[^:]", value):
        raise ValueError("groups are not repeated, looked around or referred to; write the pattern flat")
    if len(re.findall(r"(?<!\\)[+*]|\{\d*,\d*\}", value)) > MAX_REPEATS:
        raise ValueError(f"more than {MAX_REPEATS} repeats of open length take too much time; give lengths ({{3}})")
    return value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Variable(_Frozen):
    pattern: Annotated[str, Field(max_length=200), AfterValidator(_pattern)]
    """Regular expression that a value matches as a whole."""
    source: Literal["mail", "lookup"] = "mail"
    """`mail`: found in the mail's text. `lookup`: known to nobody until a lookup answers it."""

    def accepts(self, value: str) -> bool:
        fits = len(value) <= MAX_VALUE and _PLAIN.fullmatch(value) and "//" not in value and "www." not in value.lower()
        return bool(fits and re.fullmatch(self.pattern, value))


class Entry(_Frozen):
    id: str
    """The file's stem."""
    intent: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    trigger: tuple[str, ...] = Field(min_length=1)
    """Words or phrases without which a mail is not about this."""
    examples: tuple[str, ...] = Field(min_length=1)
    """Sentences of customers; what they are made of is what the entry explains."""
    variables: dict[str, Variable] = {}
    risk: RiskLevel = "medium"
    auto_send: bool = False
    """May leave without a person, where the mailbox allows it and the gate finds nothing."""
    lookup: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,63})?$")
    """The `[[lookup]]` that knows the variables with `source = "lookup"`; it is asked with those from the mail."""
    requested_action: RequestedAction = "reply"
    """`person`, `close`, `ignore`: no reply is drafted."""
    tags: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 ._-]{0,38}$")], ...] = ()
    """Put on each mail of this intent."""
    ask: str = Field(default="", max_length=5_000)
    """What to ask the author where the mail lacks a variable of the text, or has several values for it."""
    body: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The variables in the body, each once."""
        return tuple(dict.fromkeys(_VARIABLE.findall(self.body)))

    def lacks(self, values: Mapping[str, str]) -> bool:
        """Whether a variable that only the author can give has no value."""
        return any(variable.source == "mail" and name not in values for name, variable in self.variables.items())


class Playbook(_Frozen):
    entries: tuple[Entry, ...]
    version: str
    """Changes with any byte of any entry."""

    @cached_property
    def intents(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.intent for entry in self.entries))

    def entry(self, entry_id: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == entry_id), None)

    def for_intent(self, intent: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.intent == intent)


def load(folder: Path) -> Playbook:
    """Read every .md file of a folder. Raises PlaybookError with all mistakes."""
    paths = sorted(folder.glob("*.md"))
    if not paths:
        raise PlaybookError(f"{folder}: there is no playbook (a folder of .md files) here")
    entries: list[Entry] = []
    problems: list[str] = []
    digest = hashlib.sha256()
    for path in paths:
        data = path.read_bytes()
        digest.update(path.name.encode() + b"\0" + data + b"\0")
        try:
            entries.append(read_entry(path, data.decode("utf-8")))
        except (ValueError, UnicodeDecodeError) as error:
            problems += [f"{path}: {line}" for line in str(error).splitlines()]
    problems += [f"{folder}: the intent 'none' is ours" for entry in entries if entry.intent == "none"]
    if problems:
        raise PlaybookError("\n".join(problems))
    return Playbook(entries=tuple(entries), version=digest.hexdigest()[:16])


def read_entry(path: Path, text: str) -> Entry:
    """Read one file. Raises ValueError, a line a mistake."""
    match = _FENCE.match(text.replace("\r\n", "\n"))
    if match is None:
        raise ValueError("an entry is TOML between two lines of +++, then the reply's text")
    try:
        head = tomllib.loads(match[1])
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"not TOML: {error}") from None
    try:
        entry = Entry.model_validate({**head, "id": path.stem, "body": match[2].strip() + "\n"})
    except ValidationError as error:
        raise ValueError(
            "\n".join(
                f"line {_line(match[1], one['loc'])}: {_sentence(one['loc'], one['msg'], one['type'])}"
                for one in error.errors()
            )
        ) from None
    strange = [name for name in entry.names if name not in entry.variables]
    if _VARIABLE.search(entry.ask):
        raise ValueError("ask: names a variable; it is sent where one is missing, so write it without")
    if entry.ask and not entry.lacks({}):
        raise ValueError('ask: no variable has source "mail", so there is nothing to ask the author for')
    if strange:
        raise ValueError(f"the text names variables that are not declared: {', '.join(strange)}")
    if entry.requested_action in {"reply", "ask"} and not entry.body.strip():
        raise ValueError("the reply has no text")
    return entry


def _line(head: str, loc: tuple[int | str, ...]) -> int:
    """The line of a file in which a key stands; of a missing one the first."""
    lines = head.split("\n")
    name, at = str(loc[0]), 0
    if loc[0] == "variables" and len(loc) > 1:
        table = f"[variables.{loc[1]}]"
        at = next((number for number, line in enumerate(lines) if line.strip() == table), 0)
        name = str(loc[-1])
    key = re.compile(rf"\s*{re.escape(name)}\s*=")
    return next((number + 2 for number in range(at, len(lines)) if key.match(lines[number])), at + 2 if at else 1)


def _sentence(loc: tuple[int | str, ...], message: str, kind: str) -> str:
    where = ".".join(str(part) for part in loc)
    if kind != "extra_forbidden":
        return f"{where}: {message.removeprefix('Value error, ')}"
    known = [name for name in (Variable if loc[0] == "variables" else Entry).model_fields if name not in {"id", "body"}]
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    return f"{where}: unknown key; " + (f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}")


def variables_in(entry: Entry, text: str) -> dict[str, str]:
    """Values for the entry's variables that stand in the mail; none for one that has several: a person decides."""
    found: dict[str, str] = {}
    for name, variable in entry.variables.items():
        if variable.source != "mail":
            continue
        values = _values(variable, text[:TEXT_LIMIT])
        if len(values) == 1:
            found[name] = values.pop()
    return found


def _values(variable: Variable, text: str) -> set[str]:
    """Values that stand alone in the text, tried line by line and never over more than a value's length."""
    pattern = re.compile(rf"(?<![\w-])(?:{variable.pattern})(?![\w-])")
    found: set[str] = set()
    for line in text.split("\n"):
        at = 0
        while at < len(line) and len(found) < 2:
            match = pattern.match(line, at, at + MAX_VALUE + 1)
            accepted = match is not None and variable.accepts(match[0])
            if match is not None and accepted:
                found.add(match[0])
            at = match.end() if match is not None and accepted else at + 1
    return found


def render(entry: Entry, values: Mapping[str, str]) -> str:
    """The reply's text; {{names}} without a valid value stay as they are."""

    def filled(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name)
        variable = entry.variables.get(name)
        return value if value is not None and variable is not None and variable.accepts(value) else match[0]

    return _VARIABLE.sub(filled, entry.body)


def values_of(entry: Entry, intent: InboundEmailIntent) -> dict[str, str]:
    """What an intent's entities give for the entry's variables from the mail; each name must stand there once."""
    found: dict[str, str] = {}
    for name, variable in entry.variables.items():
        given = {entity.value for entity in intent.entities if entity.name == name}
        if variable.source == "mail" and len(given) == 1 and variable.accepts(value := given.pop()):
            found[name] = value
    return found


def looked_values(entry: Entry, values: Mapping[str, str], looked: Sequence[Looked]) -> dict[str, str]:
    """What the entry's own lookup answered about exactly these values, last answer first."""
    for one in reversed(looked):
        if one.name == entry.lookup and all(values.get(name) == value for name, value in one.asked.items()):
            names = (name for name, variable in entry.variables.items() if variable.source == "lookup")
            return {name: one.found[name] for name in names if name in one.found}
    return {}


def template_for(
    body: str, intent: InboundEmailIntent, playbook: Playbook, looked: Sequence[Looked] = ()
) -> str | None:
    """Id of the entry of this intent that the body is a rendering of; None for free text, gaps included."""
    for entry in playbook.for_intent(intent.intent):
        values = values_of(entry, intent)
        rendered = render(entry, {**values, **looked_values(entry, values, looked)})
        if not _VARIABLE.search(rendered) and _same(rendered, body):
            return entry.id
    return None


def _same(one: str, other: str) -> bool:
    return _lines(one) == _lines(other)


def _lines(text: str) -> list[str]:
    return [line.rstrip(" \t") for line in text.replace("\r\n", "\n").strip("\n").split("\n")]
