"""Pages with style sheets, drawn by chance: each text has a word of its own, so that one can ask who is seen."""

from __future__ import annotations

import random

TAGS = ("p", "div", "b", "i", "span", "ul", "li", "td", "section", "a", "u", "h1")
MARKS = ("x", "y", "q", "X")
VALUES = ("b", "b c", "c-d", "B")
DECLARATIONS = (
    *("display:none", "display:block", "visibility:hidden", "visibility:visible", "font-size:0", "font-size:12px"),
    *("display:none!important", "display:block !important", "display:bogus", "visibility:inherit", "opacity:0"),
    *("visibility:unset", "opacity:1", "font:0/0 a", "font:14px serif", "font:14px", "all:unset"),
)
ATTRIBUTES = ("[data-a]", "[data-a=b]", "[data-a~=c]", "[data-a|=c]", "[data-a^=b]", "[data-a$=c]", "[data-a=b i]")
STATES = (
    *(":first-child", ":last-child", ":nth-child(2)", ":nth-child(odd)", ":nth-last-child(2)", ":nth-of-type(2)"),
    *(":nth-last-of-type(1)", ":only-child", ":first-of-type", ":last-of-type", ":empty", ":nth-child(-n+2)"),
    *(":nth-child(1 of .x)", ":root", "*", ":hover", ":link", "body", "::before", ":somewhen", ":only-of-type"),
)
FUNCTIONS = (
    *(":not({})", ":is({})", ":where({})", ":has({})", ":has(> {})", ":has(+ {})", ":has(~ {})"),
    *(":is(h6,{})", ":not(.q,{})"),
)
CONDITIONS = (
    *("@media screen", "@media print", "@media (max-width:500px)", "@media not print", "@supports (display:grid)"),
    *("@layer a", "@media (min-width:300px)"),
)
ODD = ("<br>", "<img>", "<svg></svg>", "</div>", "<p>", "<table><tr>")


class Pages:
    """Draws pages."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._words = 0

    def page(self) -> str:
        """One page; its words are `w1z`, `w2z` and so on."""
        self._words = 0
        sheet = "\n".join(self._rule() for _ in range(self._chance.randint(1, 5)))
        kind = self._one("<!doctype html>", "<!doctype html>", "")
        return f"{kind}<html><head><title>t</title><style>{sheet}</style></head><body>{self._elements(3)}"

    def _one(self, *choices: str) -> str:
        return self._chance.choice(choices)

    def _often(self, share: float) -> bool:
        return self._chance.random() < share

    def _elements(self, depth: int) -> str:
        found = []
        for _ in range(self._chance.randint(1, 4)):
            tag, said = self._one(*TAGS), ""
            if self._often(0.5):
                said += f' class="{" ".join(self._chance.sample(MARKS, self._chance.randint(1, 2)))}"'
            said += f" id={self._one('i', 'j')}" if self._often(0.2) else ""
            said += f' data-a="{self._one(*VALUES)}"' if self._often(0.2) else ""
            said += f' style="{self._declarations()}"' if self._often(0.1) else ""
            self._words += 1
            word = f"w{self._words}z"
            inner = self._elements(depth - 1) if depth and self._often(0.6) else ""
            found.append(f"<{tag}{said}>{word}{inner}</{tag}>")
            found += [self._one(*ODD)] if self._often(0.06) else []
        return "".join(found)

    def _declarations(self) -> str:
        return ";".join(self._one(*DECLARATIONS) for _ in range(self._chance.randint(1, 2)))

    def _compound(self, depth: int) -> str:
        kinds = [(self._one(*TAGS),), tuple(f".{one}" for one in MARKS), ("#i", "#j"), ATTRIBUTES, STATES]
        weights = [25, 25, 5, 10, 20, 20 if depth else 0]
        first = self._chance.choices([*kinds, ()], weights)[0]
        if not first:
            return self._one(*FUNCTIONS).format(self._selector(depth - 1))
        return self._one(*first) + (self._one(*kinds[1], *ATTRIBUTES) if self._often(0.25) and first != STATES else "")

    def _selector(self, depth: int = 2) -> str:
        found = self._compound(depth)
        for _ in range(self._chance.choice([0, 0, 1, 1, 2])):
            found += self._one(" ", " > ", " + ", " ~ ") + self._compound(depth)
        return found

    def _rule(self) -> str:
        body = self._declarations()
        if self._often(0.1):
            body += f"; {self._one('& ', '> ', '', '.x &', '+ ')}{self._compound(1)}{{{self._declarations()}}}"
        others = [self._selector() for _ in range(self._chance.choice([1, 1, 1, 2]))]
        rule = f"{', '.join(others)}{{{body}}}"
        return f"{self._one(*CONDITIONS)}{{{rule}}}" if self._often(0.1) else rule
