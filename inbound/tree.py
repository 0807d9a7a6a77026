"""HTML from strangers as the tree that browsers build, written out again well-formed.

Rules:
- nh3 (html5ever) closes and nests tags as every browser does; nothing here guesses at broken markup.
- Every element that may carry a style is kept, unknown ones too; scripts, drawings and frames are dropped whole.
- Every attribute that a style sheet may ask about is kept (`attributes`).
- `html`, `body` and names that cannot be written out again get names of ours (OURS), which no mail can write: in a
  fragment the tree builder would drop them, and whatever closes one of them by a name that it has not would end it.
- Size, nesting and length of tags are checked before: building the tree costs more than linear time in them.
"""

from __future__ import annotations

import html
import itertools
import re

import nh3

from inbound.bounds import BoundBrokenError

MAX_HTML = 1_000_000
MAX_DEPTH = 1_500
MAX_TAG = 40_000
MAX_NAMES = 500
MAX_COMMENT = 8
"""Words of a comment from which it talks to somebody."""

VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
)
_CLOSE_THEMSELVES = VOID | {"p", "li", "td", "th", "tr", "dd", "dt", "option", "tbody", "thead", "tfoot"}
_DROPPED = frozenset(
    {
        "script", "title", "template", "iframe", "noembed", "noframes", "object", "svg", "math", "audio", "video",
        "canvas",
    }
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {
        "style", "class", "id", "hidden", "color", "bgcolor", "text", "size", "type", "background", "popover", "open",
        "media", "title", "disabled", "checked", "selected",
    }
)  # fmt: skip
OURS = "x-ours-"
"""Start of the names that are given here."""
OPEN = "x-ours-open"
"""Attribute of the paragraphs that `open_paragraphs` finds."""
MAX_ASKED = 200
"""Names of attributes that style sheets ask about; of more, nobody knows whether they are there."""

_NAME = re.compile(r"<([a-zA-Z][a-zA-Z0-9:._-]{0,100})")
# To browsers `<a<b>` is one element that nobody knows; so it is here, under a name that can be written out again.
_ODD_NAME = re.compile(r"<(/?)(?=[a-zA-Z])([a-zA-Z0-9:._-]{0,100}+[^\s>/][^\s>/]*+)")
_LIKE_OURS = re.compile(rf"(?i)<(/?){OURS}")
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s<>/]{0,60})")
_LONG_TAG = re.compile(rf"<[a-zA-Z][^<>]{{{MAX_TAG}}}")
_DATA = re.compile(r"data:[^\"'\s<>)]{100,}+")
_BODY = re.compile(r"(?i)<(body|html)(?=[\s>/])")
_ASKED = re.compile(r"\[\s*([a-zA-Z_][\w-]{0,60})")
_PARAGRAPH_OR_TABLE = re.compile(r"(?i)<(/?p|table)(?=[\s>/])")
_INNER_SHEETS = re.compile(r"(?is)<(?:svg|object|audio|video|canvas)[\s>/].*")
_SHEET = re.compile(r"(?is)<style[^>]*>(.*?)(?:</style|\Z)")
_COMMENT = re.compile(r"(?s)<!--.*?(?:-->|\Z)")
_PLAINTEXT = re.compile(r"(?is)<(plaintext)(?=[\s>/])([^>]*)(.*)")
_FRAMES = re.compile(r"(?i)<(frameset)(?=[\s>/])")
_MACHINE_COMMENT = re.compile(r"\A\s*(?:\[(?:if|endif)|<!|StartFragment|EndFragment)|[{}<]")
_WORDS = re.compile(r"[^\W\d_]{2,}")


def shorten(source: str) -> tuple[str, bool]:
    """The source without inlined pictures, and whether something of the rest was cut off."""
    source = _DATA.sub("data:", source.replace("\0", "\ufffd"))
    return source[:MAX_HTML], len(source) > MAX_HTML


def check(source: str) -> None:
    """Refuse what would cost the tree builder quadratic time: deep nesting, endless tags."""
    if _LONG_TAG.search(source):
        raise BoundBrokenError(f"a tag of over {MAX_TAG} characters")
    depth = deepest = 0
    for match in _TAG.finditer(source):
        if match[2].lower() not in _CLOSE_THEMSELVES:
            depth = max(0, depth - 1) if match[1] else depth + 1
            deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise BoundBrokenError(f"HTML nested deeper than {MAX_DEPTH}")


def talks_in_comments(source: str) -> bool:
    """A comment holds a sentence: not the name of a section, not what Outlook writes for itself."""
    at = 0
    while (begun := source.find("<!--", at)) >= 0:
        ended = source.find("-->", begun + 4)
        at = len(source) if ended < 0 else ended + 3
        said = source[begun + 4 : at][:5_000]
        if not _MACHINE_COMMENT.search(said) and len(_WORDS.findall(said)) >= MAX_COMMENT:
            return True
    return False


def attributes(source: str) -> frozenset[str]:
    """The attributes that are kept: those that say how an element looks, and those that style sheets ask about."""
    asked = dict.fromkeys(name.lower() for name in _ASKED.findall(source))
    return _ATTRIBUTES | {"href"} | frozenset(list(asked)[:MAX_ASKED])


def lacks_elements(source: str) -> bool:
    """Whether elements are dropped that others may be counted by, or stand elsewhere for some readers."""
    dropped = any(name.lower() in _DROPPED - {"title"} for name in _NAME.findall(source))
    return dropped or bool(open_paragraphs(source))


def open_paragraphs(source: str) -> list[int]:
    """Where paragraphs begin in which a table stands: without a doctype it stays there, else it ends them."""
    lowered = source.lower()
    barred = any(f"<{name}" in lowered for name in ("button", "marquee", "applet", "object", "caption"))
    found: list[int] = []
    begun = -1
    for match in _PARAGRAPH_OR_TABLE.finditer(source):
        name = match[1].lower()
        if name == "table" and begun >= 0 and begun not in found[-1:]:
            found.append(begun)
        if name != "table":
            begun = match.end() if name == "p" else begun if barred else -1
    return found


def inner_sheets(source: str) -> list[str]:
    """Style elements inside drawings and the like, which are dropped, but style the page in some readers."""
    found = _INNER_SHEETS.search(_COMMENT.sub("", source)) if "<style" in source.lower() else None
    return _SHEET.findall(found[0]) if found else []


def build(source: str) -> str:
    """Well-formed HTML with every element that may carry a style, unknown ones too, and no comments."""
    asked = set(attributes(source)) - {"href"}
    source = _renamed(source)
    names = {name.lower() for name in _NAME.findall(source)} - _DROPPED
    if len(names) > MAX_NAMES:
        raise BoundBrokenError(f"HTML of over {MAX_NAMES} kinds of element")
    return nh3.clean(
        source,
        tags=names | {"style", "blockquote", "a"},
        clean_content_tags=set(_DROPPED),
        attributes={"*": asked | {OPEN}, "a": {"href"}},
        link_rel=None,
        url_schemes={"http", "https", "mailto", "tel", "sms", "cid"},
    )


def _renamed(source: str) -> str:
    """The source with names of ours where the tree builder would not keep its own."""
    odd: dict[str, int] = {}
    starts = open_paragraphs(source)
    source = f" {OPEN}".join(source[at:end] for at, end in itertools.pairwise([0, *starts, len(source)]))
    source = _LIKE_OURS.sub(r"<\1x-like-ours-", source)
    source = _ODD_NAME.sub(lambda one: f"<{one[1]}{OURS}odd{odd.setdefault(one[2].lower(), len(odd))}", source)
    source = _BODY.sub(lambda one: f"<{OURS}{one[1].lower()}", source)
    # Behind it all is text to browsers.
    source = _PLAINTEXT.sub(lambda one: f"<p></p><{OURS}{one[1].lower()}{one[2]}>{html.escape(one[3][1:])}", source)
    return _FRAMES.sub(rf"<{OURS}\1", source)
