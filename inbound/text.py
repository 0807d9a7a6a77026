"""What a reader would see of HTML, as plain text; hidden text is reported and left out.

Rules:
- One pass, linear in the input, bounded in size, depth and tag length: hostile HTML costs no more than other HTML.
- Hidden: display, visibility, size, opacity, colour like the ground, far off the page, the `hidden` attribute and
  comments; by style attribute, by simple selectors of a style sheet, and by inheritance.
- A link's visible text stays, its target does not; where the text looks like another host, that is a risk.
- Nothing is fetched, no script or style is text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from inbound import codes

MAX_HTML = 1_000_000
MAX_DEPTH = 400
MAX_TAG = 8_000
MAX_RULES = 2_000

_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
        "table", "tbody", "tfoot", "thead", "tr", "ul",
    }
)  # fmt: skip
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "pre"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_DROPPED = frozenset(
    {
        "script",
        "style",
        "head",
        "title",
        "template",
        "noscript",
        "object",
        "svg",
        "math",
        "select",
        "textarea",
        "iframe",
    }
)
_RAW = frozenset({"script", "style", "title", "textarea", "iframe", "xmp", "noembed"})

_ATTRIBUTE = re.compile(r"([a-zA-Z_:][\w:.-]{0,60})(?:\s{0,20}=\s{0,20}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_RULE = re.compile(r"([^{}]{1,2000})\{([^{}]{0,4000})\}")
_SELECTOR = re.compile(r"([a-zA-Z][\w-]*)?((?:[.#][\w-]+)*)")
_ZERO = re.compile(r"^[+-]?0*(?:\.0+)?(?:0|1(?=px)|0?\.\d+(?=em|rem|px|pt))(?:px|pt|em|rem|%|ex|vw|vh)?$")
_FAR = re.compile(r"^-\d{3,}(?:\.\d+)?(?:px|pt)?$|^-\d{2,}(?:\.\d+)?(?:em|rem|vw|vh)$|^-\d{3,}%$")
_HOST = re.compile(r"(?i)^\W*(?:https?://)?(?:www\.)?((?:[\w-]+\.)+[a-z]{2,24})(?:[/:?#]\S*)?\W*$")
_TARGET = re.compile(r"(?i)^\s*https?://(?:[^/@\s]*@)?(?:www\.)?([^/:?#\s]+)")


@dataclass(frozen=True)
class Seen:
    """What a reader sees."""

    text: str
    risks: tuple[str, ...] = ()


@dataclass
class _Element:
    tag: str
    hidden: bool
    ground: str
    colour: str


@dataclass
class _Page:
    """The reader's state while going through the tags."""

    sheet: list[tuple[str, frozenset[str], bool, str, str]] = field(default_factory=list)
    stack: list[_Element] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    risks: set[str] = field(default_factory=set)
    link: str = ""
    link_text: list[str] = field(default_factory=list)


def read_html(source: str) -> Seen:
    """Turn HTML into the text that a reader sees. Never raises."""
    page = _Page()
    if len(source) > MAX_HTML:
        source = source[:MAX_HTML]
        page.risks.add(codes.CUT)
    for kind, value, attributes in _tokens(source):
        if kind == "text":
            _text(page, value)
        elif kind == "style":
            _sheet(page, value)
        elif kind == "open":
            _open(page, value, attributes)
        else:
            _close(page, value)
    _end_link(page)
    return Seen(_tidy("".join(page.out)), tuple(sorted(page.risks)))


def _tokens(source: str) -> Iterator[tuple[str, str, str]]:
    """(text | open | close | style, name or text, attributes as text), each character looked at once."""
    at, end = 0, len(source)
    while at < end:
        opened = source.find("<", at)
        if opened < 0:
            yield "text", source[at:], ""
            return
        if opened > at:
            yield "text", source[at:opened], ""
        if source.startswith("<!--", opened):
            closed = source.find("-->", opened + 4)
            at = end if closed < 0 else closed + 3
            continue
        after = source[opened + 1 : opened + 2]
        if not (after.isalpha() or after in {"/", "!", "?"}):
            yield "text", "<", ""
            at = opened + 1
            continue
        closed = _tag_end(source, opened + 1)
        inside = source[opened + 1 : closed]
        at = closed + 1
        name = re.match(r"/?([a-zA-Z][\w:-]{0,60})", inside)
        if name is None:
            continue
        tag = name[1].lower()
        if inside.startswith("/"):
            yield "close", tag, ""
            continue
        if tag in _RAW:
            stop = _raw_end(source, tag, at)
            if tag == "style":
                yield "style", source[at:stop], ""
            at = stop
            continue
        yield "open", tag, inside[name.end() :]


def _tag_end(source: str, at: int) -> int:
    """Where the tag ends: the next `>` outside quotes, or the next one at all, within bounds."""
    limit = min(len(source), at + MAX_TAG)
    quote = ""
    for place in range(at, limit):
        character = source[place]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == ">":
            return place
    simple = source.find(">", at, limit)
    return simple if simple >= 0 else limit


def _raw_end(source: str, tag: str, at: int) -> int:
    match = re.compile(rf"</{tag}", re.IGNORECASE).search(source, at)
    return match.start() if match else len(source)


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text[:MAX_TAG]):
        value = next((one for one in match.groups()[1:] if one is not None), "")
        found.setdefault(match[1].lower(), html.unescape(value))
    return found


def _declarations(style: str) -> dict[str, str]:
    """Property -> value, lower case, without !important and white space; the last one counts."""
    found: dict[str, str] = {}
    for part in re.sub(r"/\*.*?\*/", "", style[:MAX_TAG]).split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip().lower()] = " ".join(value.lower().replace("!important", " ").split())
    return found


def _hides(style: dict[str, str]) -> bool:
    """The declarations hide what they apply to, whatever stands around it."""
    get = style.get
    far = any(
        _FAR.match(get(side, "")) for side in ("left", "top", "right", "text-indent", "margin-left", "margin-top")
    )
    flat = get("overflow", "") in {"hidden", "clip"} and any(
        _ZERO.match(get(side, "")) for side in ("height", "width", "max-height", "max-width", "line-height")
    )
    return (
        get("display", "") == "none"
        or get("visibility", "") in {"hidden", "collapse"}
        or bool(_ZERO.match(get("font-size", "")))
        or bool(re.match(r"^(?:0(?:\.0\d*)?|\.0\d*|0%)$", get("opacity", "")))
        or get("mso-hide", "") == "all"
        or "rect(0" in get("clip", "")
        or "inset(50%" in get("clip-path", "")
        or "scale(0" in get("transform", "")
        or (far and (get("position", "") in {"absolute", "fixed"} or "text-indent" in style or "margin-left" in style))
        or flat
    )


_NAMED = {"white": "ffffff", "black": "000000", "transparent": "", "inherit": "", "initial": "", "none": ""}


def _colour(value: str) -> str:
    """A colour as six hexadecimal digits, or empty where it is not a plain one; fully transparent is `clear`."""
    value = value.strip()
    if match := re.match(r"^#([0-9a-f]{3}|[0-9a-f]{6})$", value):
        digits = match[1]
        return "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    if match := re.match(
        r"^rgba?\(\s*(\d{1,3})\s*,?\s*(\d{1,3})\s*,?\s*(\d{1,3})\s*(?:[,/]\s*([\d.]+%?))?\s*\)$", value
    ):
        if match[4] in {"0", "0.0", "0%"}:
            return "clear"
        return "".join(f"{min(255, int(one)):02x}" for one in match.groups()[:3])
    if value == "transparent":
        return "clear"
    return _NAMED.get(value, value if value.isalpha() else "")


def _near(one: str, other: str) -> bool:
    """Two colours that no reader tells apart."""
    if one == other:
        return True
    if not (re.fullmatch("[0-9a-f]{6}", one) and re.fullmatch("[0-9a-f]{6}", other)):
        return False
    return all(abs(int(one[at : at + 2], 16) - int(other[at : at + 2], 16)) <= 12 for at in (0, 2, 4))


def _sheet(page: _Page, source: str) -> None:
    """Remember the rules of a style sheet whose selectors are a tag, classes and ids."""
    plain = re.sub(r"@(?:media|supports)[^{}]{0,500}\{", "", source[:200_000])
    for match in _RULE.finditer(plain):
        if len(page.sheet) >= MAX_RULES:
            return
        style = _declarations(match[2])
        hides, colour, ground = _hides(style), _colour(style.get("color", "")), _ground(style)
        if not (hides or colour or ground):
            continue
        for selector in match[1].split(",")[:50]:
            last = selector.strip().split()[-1:] or [""]
            if found := _SELECTOR.fullmatch(last[0].split(":")[0]):
                marks = frozenset(re.findall(r"[.#][\w-]+", found[2] or ""))
                page.sheet.append(((found[1] or "").lower(), marks, hides, colour, ground))


def _ground(style: dict[str, str]) -> str:
    direct = _colour(style.get("background-color", ""))
    return direct or next((found for word in style.get("background", "").split() if (found := _colour(word))), "")


def _open(page: _Page, tag: str, text: str) -> None:
    attributes = _attributes(text)
    parent = page.stack[-1] if page.stack else _Element("", hidden=False, ground="ffffff", colour="000000")
    style = _declarations(attributes.get("style", ""))
    hidden = parent.hidden or _hides(style) or "hidden" in attributes
    colour = _colour(style.get("color", "")) or _colour(attributes.get("color", "").lower()) or parent.colour
    ground = _ground(style) or _colour(attributes.get("bgcolor", "").lower()) or parent.ground
    marks = {f".{one}" for one in attributes.get("class", "").split()} | {f"#{attributes.get('id', '')}"}
    for wanted, needed, hides, said, under in page.sheet:
        if (not wanted or wanted == tag) and needed <= marks and (wanted or needed):
            hidden = hidden or hides
            colour = colour if "color" in style else said or colour
            ground = under or ground
    if tag in _BLOCKS:
        page.out.append("\n\n" if tag in _PARAGRAPHS else "\n")
        if tag == "li":
            page.out.append("- ")
    elif tag in {"td", "th"}:
        page.out.append(" ")
    if tag == "a":
        _end_link(page)
        page.link = attributes.get("href", "")
    if tag not in _VOID and len(page.stack) < MAX_DEPTH:
        page.stack.append(_Element(tag, hidden, "ffffff" if ground == "clear" else ground, colour))


def _close(page: _Page, tag: str) -> None:
    if tag == "a":
        _end_link(page)
    for back in range(1, min(len(page.stack), 60) + 1):
        if page.stack[-back].tag == tag:
            del page.stack[-back:]
            break
    if tag in _BLOCKS:
        page.out.append("\n\n" if tag in _PARAGRAPHS else "\n")


def _text(page: _Page, source: str) -> None:
    shown = html.unescape(source)
    if any(element.tag in _DROPPED for element in page.stack[-3:]):
        return
    element = page.stack[-1] if page.stack else None
    if element is not None and (element.hidden or element.colour == "clear" or _near(element.colour, element.ground)):
        if re.search(r"[^\W_]{2}", shown):
            page.risks.add(codes.HIDDEN_TEXT)
        return
    in_pre = any(one.tag == "pre" for one in page.stack[-10:])
    page.out.append(shown if in_pre else re.sub(r"\s+", " ", shown))
    if page.link:
        page.link_text.append(shown)


def _end_link(page: _Page) -> None:
    """Compare what a link shows with where it leads."""
    shown = _HOST.match("".join(page.link_text)[:500].strip())
    target = _TARGET.match(page.link[:2000])
    if shown and target and not _same_site(shown[1].lower(), target[1].lower()):
        page.risks.add(codes.LINK_TEXT_DIFFERS)
    page.link, page.link_text = "", []


def _same_site(one: str, other: str) -> bool:
    return one == other or one.endswith("." + other) or other.endswith("." + one)


def _tidy(text: str) -> str:
    lines = [re.sub(r"[ \t\f\v\u00a0]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n" if any(lines) else ""
