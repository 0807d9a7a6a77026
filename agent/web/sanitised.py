"""Mail HTML made harmless: what is left is text, its structure, and pictures that the mail itself carries. Pure.

Rules:
- Twice over: nh3 (html5ever) reads as browsers do and keeps a list of elements; then every element is written anew
  here, from constants, with escaped text. What neither of the two knows is gone.
- No links: a link is its text with the host that it leads to, and the whole address stands at the end to be copied.
- No style, class, id or name: what a mail hides by colour, size or place is seen here.
- Pictures only of the mail's own parts, by `cid:`, of raster types by their first bytes, within caps that count
  every use.
- What is too deep, or has endless tags, is not shown as HTML at all.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from urllib.parse import unquote

import nh3

from inbound import tree
from inbound.links import differs, host_of

MAX_PICTURE = 1_000_000
"""Bytes of one picture, and a third of what all of them may have together."""
MAX_PICTURES = 3 * MAX_PICTURE
MAX_SIDE = 8_000
"""Pixels of a picture's side as it says itself: beyond it a small file fills a browser's memory."""
MAX_LINKS = 100
MAX_TARGET = 500

_PLAIN = frozenset(
    {
        *("p", "div", "span", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("ul", "ol", "li", "dl", "dt", "dd"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "b", "strong", "i", "em", "u", "s", "del"),
        *("ins", "sub", "sup", "small", "code", "kbd", "samp", "abbr", "q", "cite", "center"),
    }
)  # fmt: skip
_EMPTY = frozenset({"br", "hr"})
_GONE = frozenset(
    {
        *("script", "style", "title", "template", "iframe", "frame", "frameset", "noembed", "noframes", "noscript"),
        *("object", "embed", "applet", "svg", "math", "audio", "video", "canvas", "select", "datalist"),
        *("textarea", "xmp", "plaintext", "portal", "fencedframe"),
    }
)  # fmt: skip
_SPANS = re.compile(r"[1-9][0-9]?")
_DIRECTIONS = frozenset({"ltr", "rtl", "auto"})
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def raster(data: bytes) -> str | None:
    """The type of a picture by its first bytes; None for what is none, or says that it is huge."""
    if len(data) < 32 or len(data) > MAX_PICTURE:
        return None
    sides: tuple[int, ...] = ()
    kind = None
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, sides = "image/png", (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"))
    elif data[:6] in {b"GIF87a", b"GIF89a"}:
        kind, sides = "image/gif", (int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
    elif data.startswith(b"\xff\xd8\xff"):
        kind = "image/jpeg"
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        kind = "image/webp"
    return kind if all(side <= MAX_SIDE for side in sides) else None


def sanitise(source: str, pictures: Mapping[str, bytes]) -> str:
    """HTML for the frame. `pictures` are parts by Content-ID without brackets. Raises BoundBrokenError."""
    source, cut = tree.shorten(source)
    tree.check(source)
    known = nh3.clean(
        source,
        tags=set(_PLAIN | _EMPTY | {"a", "img"}),
        clean_content_tags=set(_GONE),
        attributes={
            "*": {"dir"},
            "a": {"href"},
            "img": {"src", "alt"},
            "td": {"colspan", "rowspan"},
            "th": {"colspan", "rowspan"},
        },
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel=None,
    )
    writer = _Writer(pictures)
    writer.feed(known)
    writer.close()
    return writer.page() + ("<p>The rest was cut off: the mail is too long.</p>" if cut else "")


class _Writer(HTMLParser):
    """Writes what nh3 left once more, element by element."""

    def __init__(self, pictures: Mapping[str, bytes]) -> None:
        super().__init__(convert_charrefs=True)
        self._pictures = pictures
        self._room = MAX_PICTURES
        self._out: list[str] = []
        self._open: list[str] = []
        self._targets: list[str] = []
        self._link: str | None = None
        self._label: list[str] = []

    def page(self) -> str:
        """All of it, with the addresses of its links at the end."""
        self._end_link()
        self._out += [f"</{tag}>" for tag in reversed(self._open)]
        self._open.clear()
        if self._targets:
            shown = "".join(f"<li>{escape(target)}</li>" for target in self._targets)
            self._out.append(f"<hr><p><b>Where links of this mail lead</b></p><ol>{shown}</ol>")
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._end_link()
            self._link = given.get("href", "")
        elif tag == "img":
            self._picture(given.get("src", ""), given.get("alt", ""))
        elif tag in _EMPTY:
            self._out.append(f"<{tag}>")
        elif tag in _PLAIN:
            self._out.append(f"<{tag}{_kept(tag, given)}>")
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag in self._open:
            while (last := self._open.pop()) != tag:
                self._out.append(f"</{last}>")
            self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        text = _INVISIBLE.sub("", data)
        self._out.append(escape(text))
        if self._link is not None:
            self._label.append(text)

    def _end_link(self) -> None:
        """Say behind a link's text where it leads."""
        target, label = self._link, "".join(self._label).strip()
        self._link, self._label = None, []
        if not target:
            return
        target = _INVISIBLE.sub("", target)[:MAX_TARGET]
        host = host_of(target)
        where = host or target[:60]
        if target not in self._targets and len(self._targets) < MAX_LINKS:
            self._targets.append(target)
        warned = ", not where its text says" if differs(label, target) else ""
        self._out.append(f" <small>[{escape(where)}{warned}]</small>")

    def _picture(self, src: str, alt: str) -> None:
        data = self._pictures.get(unquote(src[4:])) if src.lower().startswith("cid:") else None
        kind = raster(data) if data is not None else None
        alt = escape(_INVISIBLE.sub("", alt)[:200])
        if data is None or kind is None or len(data) > self._room:
            self._out.append(f"<small>[picture{': ' if alt else ''}{alt}]</small>")
            return
        self._room -= len(data)
        self._out.append(f'<img src="data:{kind};base64,{base64.b64encode(data).decode()}" alt="{alt}">')


def _kept(tag: str, given: Mapping[str, str]) -> str:
    """The attributes that a mail may set, each from a closed list."""
    kept = ""
    if given.get("dir", "").lower() in _DIRECTIONS:
        kept += f' dir="{given["dir"].lower()}"'
    if tag in {"td", "th"}:
        kept += "".join(
            f' {name}="{given[name]}"' for name in ("colspan", "rowspan") if _SPANS.fullmatch(given.get(name, ""))
        )
    return kept
