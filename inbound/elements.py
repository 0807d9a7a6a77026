"""The elements of a page as selectors see them, and its text in order.

Rules:
- The markup is `tree.build`'s: well-formed, so that every tag that opens closes.
- There is always an `html` with a `body`, whatever the mail writes: selectors may name them, and what stands before the
  body's first words belongs to the head and is nobody's sibling.
- Bounded by MAX_STEPS tokens; what lies behind is not read, and that is said.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from functools import cached_property

from inbound import tree

MAX_STEPS = 200_000

_TOKEN = re.compile(r"<(/?)([^\s<>/\"]+)((?:\s[^\s=<>\"]+=\"[^\"]*\")*+)\s*/?>|([^<]+)|<")
_ATTRIBUTE = re.compile(r"\s([^\s=<>\"]+)=\"([^\"]*)\"")
_HEAD = frozenset({"style", "meta", "link", "base", "title", "noscript", f"{tree.OURS}html"})


@dataclass(eq=False)
class Node:
    """An element among its relatives."""

    tag: str
    attributes: dict[str, str]
    parent: Node | None = None
    place: int = 0
    """Among the elements of its parent, from 0."""
    children: list[Node] = field(default_factory=list)
    filled: bool = False
    """It has text of its own, if only blanks."""

    @cached_property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())

    @property
    def siblings(self) -> list[Node]:
        return self.parent.children if self.parent else [self]


@dataclass(frozen=True, slots=True)
class Closed:
    """The element that was opened last ends here."""

    node: Node


@dataclass
class Page:
    """A page taken apart."""

    body: Node
    tokens: list[Node | Closed | str] = field(default_factory=list)
    """Elements where they open, text, and elements where they end; void elements do not end."""
    sheets: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Source and attributes of each style element."""
    cut: bool = False


def plant(markup: str) -> Page:
    """Read markup of `tree.build` into elements."""
    root = Node("html", {})
    body = Node("body", {}, root, 1)
    root.children += [Node("head", {}, root), body]
    page, open_nodes, in_head, at = Page(body), [body], True, 0
    for _ in range(MAX_STEPS):
        match = _TOKEN.match(markup, at)
        if match is None:
            return page
        at = match.end()
        closing, name, attributes, text = match.groups()
        if text is not None:
            in_head = in_head and not text.strip()
            open_nodes[-1].filled = True
            page.tokens.append(html.unescape(text))
        elif name and closing:
            if name != "style" and len(open_nodes) > 1:
                page.tokens.append(Closed(open_nodes.pop()))
        elif name:
            found = {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(attributes)}
            in_head = in_head and name in _HEAD
            node = _node(name, found, open_nodes[-1], body, apart=in_head)
            page.tokens.append(node)
            if name == "style":
                ended = markup.find("</style", at)
                page.sheets.append((markup[at : len(markup) if ended < 0 else ended], found))
                at = len(markup) if ended < 0 else ended
            elif name not in tree.VOID:
                open_nodes.append(node)
    page.cut = at < len(markup)
    return page


def _node(name: str, attributes: dict[str, str], parent: Node, body: Node, *, apart: bool) -> Node:
    """A new element; the mail's own `html` and `body` are the page's, with what their tags say."""
    whole = {f"{tree.OURS}body": body, f"{tree.OURS}html": body.parent}.get(name)
    if whole is not None:
        whole.attributes.update({key: value for key, value in attributes.items() if key not in whole.attributes})
        return whole
    node = Node(name, attributes, parent, len(parent.children))
    if not apart:
        parent.children.append(node)
    return node
