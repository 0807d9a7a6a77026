"""What the author says now, apart from quoted history and signature. Line by line, linear.

Rules:
- An attribution, the header fields of another mail, a divider, or `>` lines begin quoted history. New lines after a
  `>` block are the author's again; after an attribution without `>`, all that follows is history.
- A verb alone is no attribution ("your colleague wrote:"): a date, time or address stands in it, or `>` lines follow.
- A forwarded mail is no history: it is what the author sends; it stays.
- A signature starts at `-- `, at the line of a device (below which a question is the author's again), at a disclaimer
  or a list's footer, at a PGP signature (whose frame above the text belongs to it), or is a closing formula with a few
  short lines at the very end.
- No text is ever lost: every line is in exactly one of the three, and where nothing would be new, everything is.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from inbound import phrases

MAX_LINES = 5_000
MAX_LINE = 400
MAX_ATTRIBUTION = 400
MAX_CLOSING = 8
"""Lines, closing formula included, that can be a signature without any sign of one."""

_DASHES = re.compile(r"^--\s?$")
_UNDERSCORES = re.compile(r"^\s*_{10,}\s*$")
_QUOTE = re.compile(r"^\s{0,3}>")


@dataclass(frozen=True)
class Parts:
    """One text, taken apart."""

    new: str
    quoted: str
    signature: str
    forwarded: bool = False
    only_quoted: bool = False
    """Nothing would have been left, so everything counts as new."""


def split(text: str) -> Parts:
    """Take a normalised text (LF line ends) apart."""
    lines = text.split("\n")
    kinds = _kinds([line[:MAX_LINE] for line in lines[:MAX_LINES]])
    kinds += [kinds[-1]] * (len(lines) - len(kinds))
    _sign_off(lines, kinds)
    _frame(lines, kinds)
    forwarded = any(phrases.FORWARD.match(line[:MAX_LINE]) for line in lines[:MAX_LINES])
    new, quoted, signature = (
        "\n".join(line for line, found in zip(lines, kinds, strict=True) if found == kind).strip("\n")
        for kind in ("new", "quoted", "signature")
    )
    if not new.strip():
        everything = text.strip("\n")
        return Parts(everything, "", "", forwarded, only_quoted=bool(everything))
    return Parts(re.sub(r"\n{3,}", "\n\n", new), quoted, signature, forwarded)


def _kinds(lines: list[str]) -> list[str]:
    """new, quoted or signature for each line."""
    kinds: list[str] = []
    state = "new"
    while len(kinds) < len(lines):
        at = len(kinds)
        line = lines[at]
        if state == "history":
            kinds.append("quoted")
            continue
        if _QUOTE.match(line) and not phrases.FORWARD.match(line):
            state = "quoted"
        elif state == "forwarded":
            pass
        elif phrases.FORWARD.match(line):
            state = "forwarded"
        elif taken := _attribution(lines, at):
            kinds += ["quoted"] * taken
            state = "quoted" if _quote_follows(lines, at + taken) else "history"
            continue
        elif _begins_history(lines, at):
            state = "history"
        elif (state == "quoted" and line.strip()) or state == "new" or (state == "device" and _asks_below(lines, at)):
            state = _after(lines, at)
        kinds.append({"history": "quoted", "forwarded": "new", "device": "signature"}.get(state, state))
    return kinds


def _attribution(lines: list[str], at: int) -> int:
    """How many lines from `at` on are an attribution; 0 where none begins there. Programs wrap it over up to three."""
    joined = ""
    if not lines[at].strip():
        return 0
    for count, line in enumerate(lines[at : at + 3], start=1):
        if not line.strip() or _QUOTE.match(line):
            return 0
        joined = f"{joined} {line.strip()}" if joined else line.strip()
        if not joined.endswith((":", "：")):
            continue
        if len(joined) > MAX_ATTRIBUTION or (count > 1 and not _begins_attribution(lines[at : at + count])):
            return 0
        wrote = phrases.WROTE.search(joined) is not None
        said_when = phrases.WHEN.search(joined) is not None or (wrote and _quote_follows(lines, at + count))
        return count if phrases.DATED_ADDRESS.search(joined) or (wrote and said_when) else 0
    return 0


def _begins_attribution(lines: list[str]) -> bool:
    """Whether the first of these lines belongs to the attribution that ends with the last.

    The author's own last words may stand right above it. The first line of an attribution says when or who, and what
    follows it does not say the day once more.
    """
    return phrases.WHEN.search(lines[0]) is not None and phrases.DATED.search(" ".join(lines[1:])) is None


def _quote_follows(lines: list[str], at: int) -> bool:
    following = next((line for line in lines[at : at + 4] if line.strip()), "")
    return _QUOTE.match(following) is not None


def _begins_history(lines: list[str], at: int) -> bool:
    line = lines[at]
    if phrases.DIVIDER.match(line):
        return True
    if _UNDERSCORES.match(line):
        following = [one for one in lines[at + 1 : at + 5] if one.strip()]
        return bool(following) and phrases.FIELDS["from"].match(following[0]) is not None and _is_field_block(following)
    if phrases.FIELDS["sent"].match(line):  # GMX, WEB.DE and Orange say when before they say who
        following = lines[at + 1 : at + 8]
        from_next = bool(following) and phrases.FIELDS["from"].match(following[0]) is not None
        return from_next and "@" in following[0] and _is_field_block(following)
    return phrases.FIELDS["from"].match(line) is not None and _is_field_block(lines[at : at + 8])


def _is_field_block(lines: list[str]) -> bool:
    """`From:` and two other kinds of field within the next lines, before an empty one.

    A subject or an address is among them: `From: Leeds`, `To: York`, `Date: 3 May` is what an author asks about.
    """
    block = list(itertools.takewhile(str.strip, lines))
    seen = {name for line in block for name, pattern in phrases.FIELDS.items() if pattern.match(line)}
    return "from" in seen and len(seen) >= 3 and ("subject" in seen or any("@" in line for line in block))


def _after(lines: list[str], at: int) -> str:
    """What a line of the author's begins: more of their text, a signature, or a device's line."""
    if not _ends_text(lines, at):
        return "new"
    return "device" if phrases.DEVICE.match(lines[at]) else "signature"


def _asks_below(lines: list[str], at: int) -> bool:
    """Whether a paragraph begins here that asks something: a telephone does not, and some write below its line."""
    paragraph = itertools.takewhile(str.strip, lines[at : at + 20])
    return bool(at) and not lines[at - 1].strip() and any(sign in line for line in paragraph for sign in "?？")


def _ends_text(lines: list[str], at: int) -> bool:
    line = lines[at]
    if _DASHES.match(line) or phrases.SIGNATURE.match(line):
        return True
    if _UNDERSCORES.match(line):
        following = " ".join(lines[at + 1 : at + 5])
        return phrases.FOOTER.search(following) is not None or phrases.DISCLAIMER.match(following.strip()) is not None
    if phrases.DEVICE.match(line):
        named = phrases.PROGRAM.search(line) is not None and phrases.TOLD_WHEN.search(line) is None
        return named and len(line) <= 120 and not line.rstrip().endswith("?")
    # "This message is about my order" begins like one too.
    return phrases.DISCLAIMER.match(line) is not None and _disclaims(lines[at : at + 4])


def _disclaims(lines: list[str]) -> bool:
    """Whether the paragraph that these lines begin speaks of secrecy, addressees or the like."""
    paragraph = itertools.takewhile(str.strip, lines)
    return phrases.DISCLAIMS.search(" ".join(paragraph)) is not None


def _sign_off(lines: list[str], kinds: list[str]) -> None:
    """Count a closing formula and the few short lines below it, at the end of what is new, as signature."""
    new = [at for at, kind in enumerate(kinds) if kind == "new" and lines[at].strip()]
    for place in range(max(1, len(new) - MAX_CLOSING), len(new)):
        tail = new[place:]
        if _closes(lines[tail[0]]) and _is_tail([lines[at] for at in tail[1:]]):
            for at in range(tail[0], tail[-1] + 1):
                kinds[at] = "signature" if kinds[at] == "new" else kinds[at]
            return


def _frame(lines: list[str], kinds: list[str]) -> None:
    """Count the lines above a text that PGP signed as part of the signature."""
    for at, line in enumerate(lines[:MAX_LINES]):
        if kinds[at] == "new" and phrases.SIGNED_TEXT.match(line[:MAX_LINE]):
            taken = next((n for n, one in enumerate(lines[at : at + 5], start=1) if not one.strip()), 1)
            kinds[at : at + taken] = ["signature"] * taken
            return


def _closes(line: str) -> bool:
    """A closing formula, or several in as many languages: `Cordiali saluti / Best regards`."""
    return len(line) <= 80 and all(phrases.CLOSING.match(one) for one in re.split(r"\s/\s|\s\|\s", line))


def _is_tail(lines: list[str]) -> bool:
    """Lines that can be a name, a role, a telephone number: short, and none asks anything."""
    return (
        all(len(line) <= 80 and not line.rstrip().endswith(("?", "？")) for line in lines)
        and sum(map(len, lines)) <= 300
    )
