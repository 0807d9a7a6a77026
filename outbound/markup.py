"""The same text as HTML: for programs that show plain text badly.

Rules:
- Made of the plain text by code; it says the same, and `read` proves that of the bytes that leave.
- No picture, style, script or address of anything remote. Links are those that the caller names, as they stand in the
  text: what is shown is where it leads.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html import escape
from html.parser import HTMLParser

HEAD = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head><body>\n'
TAIL = "</body></html>\n"


class MarkupError(ValueError):
    """HTML that we would not have written."""


def markup(text: str, links: Collection[str]) -> str:
    """Return the HTML of `text`, lines ended by LF; `links` are the parts of it that lead somewhere."""
    rows = [f"{_row(line, links)}<br>\n" for line in text.removesuffix("\n").split("\n")]
    return f"{HEAD}{''.join(rows)}{TAIL}"


def read(source: str) -> tuple[str, tuple[str, ...]]:
    """Return the text that the HTML shows, and where its links lead. Raises MarkupError for anything not ours."""
    if not (source.startswith(HEAD) and source.endswith(TAIL)):
        raise MarkupError("the HTML does not begin and end as ours")
    reader = _Reader()
    reader.feed(source[len(HEAD) : -len(TAIL)])
    reader.close()
    if reader.inside is not None:
        raise MarkupError("a link without an end")
    return "".join(reader.shown), tuple(reader.links)


def _row(line: str, links: Collection[str]) -> str:
    if not links:
        return escape(line)
    named = re.compile("|".join(re.escape(one) for one in sorted(links, key=len, reverse=True)))
    done, pieces = 0, []
    for match in named.finditer(line):
        link = escape(match[0])
        pieces += [escape(line[done : match.start()]), f'<a href="{link}">{link}</a>']
        done = match.end()
    return "".join([*pieces, escape(line[done:])])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.shown: list[str] = []
        self.links: list[str] = []
        self.inside: str | None = None
        """Where the open link leads."""
        self._said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br" and not attrs and self.inside is None:
            self.shown.append("\n")
        elif tag == "a" and self.inside is None and len(attrs) == 1 and attrs[0][0] == "href":
            self.inside, self._said = attrs[0][1] or "", ""
        else:
            raise MarkupError(f"<{tag}> is not ours")

    def handle_endtag(self, tag: str) -> None:
        if tag != "a" or self.inside is None or self._said != self.inside or not self.inside.startswith("https://"):
            raise MarkupError("a link that shows something else than where it leads")
        self.links.append(self.inside)
        self.inside = None

    def handle_data(self, data: str) -> None:
        self.shown.append(data.replace("\n", ""))
        self._said += data

    def handle_comment(self, data: str) -> None:
        raise MarkupError(f"a comment is not ours: {data[:20]!r}")

    def handle_decl(self, decl: str) -> None:
        raise MarkupError(f"a declaration is not ours: {decl[:20]!r}")

    def handle_pi(self, data: str) -> None:
        raise MarkupError(f"an instruction is not ours: {data[:20]!r}")

    def unknown_decl(self, data: str) -> None:
        raise MarkupError(f"a declaration is not ours: {data[:20]!r}")
