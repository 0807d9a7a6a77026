"""What a reader would see of HTML, as plain text; hidden text is reported and left out.

Rules:
- The tree is the one that browsers build (see `tree`).
- Hidden text (display, visibility, size, colour like the ground, clipped, off the page, `hidden`, long comments), by
  style attribute, style sheet or inheritance, never joins the text; that there was some is a risk.
- A link's visible text stays, its target does not; where the text names another host, that is a risk.
- Quotations become `> ` lines. Nothing is fetched, no script or style is text.
- Bounded: size and nesting before, steps and comparisons while the tree is gone through.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field, replace

from inbound import codes, links, tree
from inbound.styles import Declarations, Element, Sheet, declarations, merge
from inbound.visibility import Look, inside

MAX_STEPS = 200_000

_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "center", "dd", "details", "dialog", "div", "dl", "dt", "fieldset",
        "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend", "li",
        "main", "nav", "ol", "optgroup", "option", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead",
        "tr", "ul",
    }
)  # fmt: skip
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "pre", "dl"})

_CLOSED = frozenset({"datalist", "rp"})
"""Elements that browsers do not show."""

_TOKEN = re.compile(r"<(/?)([^\s<>/\"]+)((?:\s[^\s=<>\"]+=\"[^\"]*\")*+)\s*/?>|([^<]+)|<")
_ATTRIBUTE = re.compile(r"\s([^\s=<>\"]+)=\"([^\"]*)\"")
_LETTERS = re.compile(r"[^\W_]")
_FONT = {"1": "10px", "2": "13px", "3": "16px", "4": "18px", "5": "24px", "6": "32px", "7": "48px"}


@dataclass(frozen=True)
class Seen:
    """What a reader sees."""

    text: str
    risks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    """An element that is open."""

    element: Element
    look: Look
    quotes: int


@dataclass
class _Page:
    """The state while going through the tree."""

    sheet: Sheet
    stack: list[_Open] = field(default_factory=lambda: [_Open(Element("", "", frozenset()), Look(), 0)])
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    quotes: int = 0
    blank: int = 0
    """Line ends owed before the next text: 1 for a new line, 2 for a new paragraph."""
    risks: set[str] = field(default_factory=set)
    hidden: int = 0
    """Letters of hidden text."""
    target: str = ""
    shown: list[str] = field(default_factory=list)


def read_html(source: str) -> Seen:
    """Turn HTML into the text that a reader sees. Raises BoundBrokenError where it is too deep."""
    page = _Page(Sheet())
    source, cut = tree.shorten(source)
    tree.check(source)
    page.risks.update({codes.CUT} if cut else (), {codes.HIDDEN_TEXT} if tree.talks_in_comments(source) else ())
    markup = tree.build(source)
    for match in re.finditer(r"<style[^>]*>(.*?)(?:</style|\Z)", markup, re.DOTALL):
        page.sheet.add(match[1])
    _walk(page, markup)
    if page.sheet.unclear or page.hidden >= 3:
        page.risks.add(codes.HIDDEN_TEXT)
    return Seen("\n".join(page.lines).strip("\n") + "\n" if any(page.lines) else "", tuple(sorted(page.risks)))


def _walk(page: _Page, markup: str) -> None:
    at = 0
    for _ in range(MAX_STEPS):
        match = _TOKEN.match(markup, at)
        if match is None:
            break
        at = match.end()
        closing, name, attributes, text = match.groups()
        if text is not None:
            _text(page, html.unescape(text))
        elif name == "style" and not closing:
            ended = markup.find("</style", at)
            at = len(markup) if ended < 0 else ended
        elif name and closing:
            _close(page, name)
        elif name:
            _open(page, name, {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(attributes)})
    else:
        page.risks.add(codes.CUT)
    _end_link(page)
    _end_line(page)


def _open(page: _Page, tag: str, attributes: dict[str, str]) -> None:
    parent = page.stack[-1]
    if tag in _BLOCKS:
        _owe(page, 2 if tag in _PARAGRAPHS else 1)
    if tag == "br":
        _break(page)
    elif tag in {"td", "th"}:
        _space(page)
    elif tag == "a":
        _end_link(page)
        page.target = attributes.get("href", "")
    if tag in tree.VOID:
        return
    classes = frozenset(attributes.get("class", "").split()[:20])
    element = Element(tag, attributes.get("id", ""), classes)
    chain = [one.element for one in page.stack[-60:]] + [element]
    found = _presented(tag, attributes)
    merge(found, page.sheet.declared(chain))
    own = declarations(attributes.get("style", "")[:8_000])
    merge(found, own)
    look = inside(parent.look, found)
    closed = tag in _CLOSED or (tag == "dialog" and "open" not in attributes)
    if (closed or "hidden" in attributes or "popover" in attributes) and found.get("display", ("none", False))[
        0
    ] == "none":
        look = replace(look, gone=True)
    if attributes.get("background"):
        look = replace(look, ground=None)
    if tag == "bdo" or look.turned:
        page.risks.add(codes.BIDI)
    quotes = parent.quotes + (tag == "blockquote" and not _only_indents(attributes, found))
    page.stack.append(_Open(element, look, min(quotes, 9)))
    if tag == "li" and look.seen:
        _put(page, "- ")


def _presented(tag: str, attributes: dict[str, str]) -> Declarations:
    """What attributes say of the look; every style beats them."""
    found: Declarations = {}
    colour = attributes.get("color") or attributes.get("text", "")
    if colour:
        found["color"] = (colour.lower(), False)
    if attributes.get("bgcolor"):
        found["background-color"] = (attributes["bgcolor"].lower(), False)
    if tag == "font" and attributes.get("size", "") in _FONT:
        found["font-size"] = (_FONT[attributes["size"]], False)
    if tag == "mark":
        found["background-color"] = ("yellow", False)
    if tag == "pre":
        found["white-space"] = ("pre", False)
    if tag == "a":
        found["color"] = ("blue", False)
    return found


def _only_indents(attributes: dict[str, str], found: Declarations) -> bool:
    """Gmail's and Outlook's indent button also makes block quotations, without a border."""
    if attributes.get("type") == "cite" or "quote" in attributes.get("class", ""):
        return False
    return found.get("border", ("", False))[0].startswith(("none", "0"))


def _close(page: _Page, tag: str) -> None:
    if tag == "a":
        _end_link(page)
    if len(page.stack) > 1 and page.stack[-1].element.tag == tag:
        page.stack.pop()
    if tag in _BLOCKS:
        _owe(page, 2 if tag in _PARAGRAPHS else 1)


def _text(page: _Page, text: str) -> None:
    top = page.stack[-1]
    if not top.look.seen:
        page.hidden += len(_LETTERS.findall(text[:10_000]))
        return
    if top.look.unclear and _LETTERS.search(text):
        page.risks.add(codes.HIDDEN_TEXT)
    if page.target:
        page.shown.append(text)
    if top.look.pre:
        first, *others = text.replace("\r\n", "\n").split("\n")
        _put(page, first)
        for other in others:
            _break(page)
            _put(page, other)
        return
    folded = re.sub(r"[ \t\n\r\f]+", " ", text)
    if folded.startswith(" "):
        _space(page)
    if folded.strip(" "):
        _put(page, folded.strip(" "))
        if folded.endswith(" "):
            _space(page)


def _put(page: _Page, text: str) -> None:
    """Add visible text to the line, after the line ends that are owed."""
    if not text:
        return
    if page.blank:
        _end_line(page)
        if page.blank > 1 and page.lines and page.lines[-1].strip("> "):
            page.lines.append(">" * min(page.quotes, page.stack[-1].quotes))
        page.blank = 0
    if not page.line:
        page.quotes = page.stack[-1].quotes
    page.line.append(text)


def _space(page: _Page) -> None:
    if page.line and not page.blank and not page.line[-1].endswith(" "):
        page.line.append(" ")


def _owe(page: _Page, ends: int) -> None:
    if page.line or page.lines:
        page.blank = max(page.blank, ends)


def _break(page: _Page) -> None:
    """A line break; an empty line where nothing stands on this one."""
    if page.line and page.blank:
        _end_line(page)
    if page.line:
        _end_line(page)
    else:
        page.lines.append(">" * page.stack[-1].quotes)
    page.blank = 0


def _end_line(page: _Page) -> None:
    if page.line:
        text = "".join(page.line).rstrip(" ")
        page.lines.append(">" * page.quotes + (" " if page.quotes else "") + text)
        page.line = []


def _end_link(page: _Page) -> None:
    """Compare what a link shows with where it leads."""
    if page.target:
        if links.differs("".join(page.shown)[:4_000], page.target):
            page.risks.add(codes.LINK_TEXT_DIFFERS)
        if links.mixed_script(links.host_of(page.target) or ""):
            page.risks.add(codes.MIXED_SCRIPT)
    page.target, page.shown = "", []
