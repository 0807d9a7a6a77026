"""What a reader would see of HTML, as plain text; hidden text is reported and left out.

Rules:
- The tree is the one that browsers build (see `tree`).
- Hidden text (display, visibility, size, colour like the ground, clipped, off the page, `hidden`, long comments), by
  style attribute, style sheet or inheritance, never joins the text; that there was some is a risk.
- So it is with text of which only a browser could say whether it shows: a person sees it, a model does not.
- A link's visible text stays, its target does not; where the text names another host, that is a risk.
- Quotations become `> ` lines. Nothing is fetched, no script or style is text.
- Bounded: size and nesting before, steps and comparisons while the tree is gone through.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from inbound import codes, links, media, tree
from inbound.elements import Closed, Node, Page, plant
from inbound.selectors import Selectors
from inbound.styles import MAX_DOUBTS, Declarations, Sheet, merge, style_of
from inbound.traits import Match
from inbound.visibility import Look, inside

_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "center", "dd", "details", "dialog", "div", "dl", "dt", "fieldset",
        "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend", "li",
        "main", "nav", "ol", "optgroup", "option", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead",
        "tr", "ul",
    }
)  # fmt: skip
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "pre", "dl"})

MAX_TRIALS = 20_000
"""Looks that are tried for what a page may say besides; past that, what may be said hides."""

MAX_OTHERS = 12
"""Other looks that are followed further inside; with more, the text may be hidden."""

_CLOSED = frozenset({"datalist", "rp"})
"""Elements that browsers do not show."""

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

    tag: str
    look: Look
    quotes: int
    others: frozenset[Look] = frozenset()
    """How else it may look inside, as only a browser can say."""


@dataclass
class _Page:
    """The state while going through the tree."""

    sheet: Sheet
    stack: list[_Open] = field(default_factory=lambda: [_Open("", Look(), 0)])
    lines: list[str] = field(default_factory=list)
    line: list[str] = field(default_factory=list)
    quotes: int = 0
    blank: int = 0
    """Line ends owed before the next text: 1 for a new line, 2 for a new paragraph."""
    risks: set[str] = field(default_factory=set)
    hidden: int = 0
    """Letters of hidden text."""
    trials: int = MAX_TRIALS
    target: str = ""
    shown: list[str] = field(default_factory=list)


def read_html(source: str) -> Seen:
    """Turn HTML into the text that a reader sees. Raises BoundBrokenError where it is too deep."""
    source, cut = tree.shorten(source)
    tree.check(source)
    planted = plant(tree.build(source))
    page = _Page(_sheet(source, planted))
    page.risks.update({codes.CUT} if cut or planted.cut else ())
    page.risks.update({codes.HIDDEN_TEXT} if tree.talks_in_comments(source) else ())
    _walk(page, planted)
    if page.hidden >= 3:
        page.risks.add(codes.HIDDEN_TEXT)
    return Seen("\n".join(page.lines).strip("\n") + "\n" if any(page.lines) else "", tuple(sorted(page.risks)))


def _sheet(source: str, planted: Page) -> Sheet:
    sheet = Sheet(Selectors(tree.attributes(source), gaps=tree.lacks_elements(source)))
    for rules, said in planted.sheets:
        plain = said.get("type", "").strip().lower() in {"", "text/css"} and not {"title", "disabled"} & said.keys()
        sheet.add(rules, min(media.holds(said.get("media", "")), Match.YES if plain else Match.MAYBE))
    for rules in tree.inner_sheets(source):
        sheet.add(rules, Match.MAYBE)
    return sheet


def _walk(page: _Page, planted: Page) -> None:
    root = planted.body.parent
    for node in (root, planted.body) if root else ():
        look, others = _look(page, node)
        page.stack.append(_Open(node.tag, look, 0, others))
    for token in planted.tokens:
        if isinstance(token, str):
            _text(page, token)
        elif isinstance(token, Closed):
            _close(page, token.node)
        elif token is root or token is planted.body:
            page.stack.append(replace(page.stack[-1], tag=token.tag))
        else:
            _open(page, token)
    _end_link(page)
    _end_line(page)


def _open(page: _Page, node: Node) -> None:
    tag = node.tag
    if tag in _BLOCKS:
        _owe(page, 2 if tag in _PARAGRAPHS else 1)
    if tag == "br":
        _break(page)
    elif tag in {"td", "th"}:
        _space(page)
    elif tag == "a":
        _end_link(page)
        page.target = node.attributes.get("href", "")
    if tag in tree.VOID or tag == "style":
        return
    look, others = _look(page, node)
    if tag == "bdo" or look.turned:
        page.risks.add(codes.BIDI)
    quotes = page.stack[-1].quotes + (tag == "blockquote" and not _only_indents(node.attributes))
    page.stack.append(_Open(tag, look, min(quotes, 9), others))
    if tag == "li" and look.seen:
        _put(page, "- ")


def _look(page: _Page, node: Node) -> tuple[Look, frozenset[Look]]:
    """How text inside an element looks, and how else it may look; `unclear` where it may be hidden."""
    above = page.stack[-1]
    presented = _presented(node.tag, node.attributes)
    declared, doubts = page.sheet.style(node)
    own = style_of(node.attributes.get("style", ""))
    found = _upon(presented, declared, own.declared)
    look = _inside(above.look, node, found)
    if look.gone or look.unclear or page.sheet.lost:
        return replace(look, unclear=look.unclear or page.sheet.lost), frozenset()
    said = [found, *(_upon(presented, declared | one, own.declared) for one in _together(doubts))]
    said += [found | one for one in own.doubtful]
    if len(said) == 1 and not above.others:
        return look, frozenset()
    page.trials -= len(said) * (1 + len(above.others))
    if page.trials < 0:
        return replace(look, unclear=True), frozenset()
    origins = (above.look, *above.others)
    others = {_inside(one, node, _at_rest(page, each)) for one in origins for each in said} - {look}
    if len(others) > MAX_OTHERS or any(one.hides_more(look) for one in others):
        return replace(look, unclear=True), frozenset()
    return look, frozenset(others)


def _upon(*layers: Declarations) -> Declarations:
    found: Declarations = {}
    for one in layers:
        merge(found, one)
    return found


def _together(doubts: list[Declarations]) -> Iterator[Declarations]:
    """What may be said, each alone, by two, and all together."""
    yield from doubts
    if 2 < len(doubts) <= MAX_DOUBTS:
        yield from (one | other for one, other in itertools.combinations(doubts, 2))
    if len(doubts) > 1:
        together: Declarations = {}
        for one in doubts:
            together |= one
        yield together


def _at_rest(page: _Page, found: Declarations) -> Declarations:
    return found if page.sheet.animated else {name: one for name, one in found.items() if "animation" not in name}


def _inside(parent: Look, node: Node, found: Declarations) -> Look:
    look = inside(parent, found)
    closed = node.tag in _CLOSED or (node.tag == "dialog" and "open" not in node.attributes)
    if closed or "hidden" in node.attributes or "popover" in node.attributes:
        shown = found.get("display", ("none", False))[0] != "none"
        look = look if shown else replace(look, gone=True)
    return look


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
    if tag == "a" and "href" in attributes:
        found["color"] = ("blue", False)
    return found


def _only_indents(attributes: dict[str, str]) -> bool:
    """Gmail's and Outlook's indent button also makes block quotations, without a border."""
    if attributes.get("type") == "cite" or "quote" in attributes.get("class", ""):
        return False
    border = style_of(attributes.get("style", "")).declared.get("border", ("", False))
    return border[0].startswith(("none", "0"))


def _close(page: _Page, node: Node) -> None:
    tag = node.tag
    if tag == "a":
        _end_link(page)
    if len(page.stack) > 1 and page.stack[-1].tag == tag:
        ended = page.stack.pop()
        outer = page.stack[-1]
        # Some readers let the paragraph go on where the tree has ended it.
        if tree.OPEN in node.attributes and ended.look.hides_more(outer.look):
            outer.look = replace(outer.look, unclear=True)
    if tag in _BLOCKS:
        _owe(page, 2 if tag in _PARAGRAPHS else 1)


def _text(page: _Page, text: str) -> None:
    top = page.stack[-1]
    if not top.look.seen:
        page.hidden += len(_LETTERS.findall(text[:10_000]))
        if top.look.unclear and page.hidden:
            page.risks.add(codes.HIDDEN_TEXT)
        return
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
