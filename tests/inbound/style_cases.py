"""Pages whose style sheets hide `evil words`, may hide them, or hide nothing; each with `good words` in sight."""

from __future__ import annotations

EVIL = "evil words"


def _page(style: str, body: str) -> str:
    return f"<style>{style}</style><p>good words</p>{body}"


_P = f"<p class=x id=i lang=en data-a='b c'>{EVIL}</p>"
_DEEP = f"{'<div>' * 40}{'<p class=x><b>b</b>' * 40}{_P}"
_TWO = f"<div class=w><i>good</i><b class=x>{EVIL}</b></div>"

_TICKED = f"<p><input type=checkbox checked><b>{EVIL}</b></p>"
_GOOD = "<p>good words</p>"

HIDDEN = {
    "an attribute": _page("[data-a]{display:none}", _P),
    "an attribute's value": _page("[class='x']{display:none}", _P),
    "an attribute's value with a brace": _page("[title='}']{display:none}", f"<p title='}}'>{EVIL}</p>"),
    "a word of an attribute": _page("p[data-a~=c]{display:none}", _P),
    "a start": _page("[data-a^='b ']{display:none}", _P),
    "an end": _page("[data-a$=c]{display:none}", _P),
    "a part": _page("[data-a*=' ']{display:none}", _P),
    "a dash": _page("[lang|=en]{display:none}", f"<p lang=en-GB>{EVIL}</p>"),
    "any case": _page("[data-a='B C' i]{display:none}", _P),
    "a type, whose case is none": _page("[type=A]{display:none}", f"<p type=a>{EVIL}</p>"),
    "an escaped class": _page(".\\78{display:none}", _P),
    "an escaped property": _page(".x{displ\\61y:none}", _P),
    "a child by number": _page("p:nth-child(2){display:none}", _P),
    "a child by formula": _page("p:nth-child(2n){display:none}", _P),
    "a child by word": _page("p:nth-child(even){display:none}", _P),
    "a child from behind": _page("p:nth-last-child(1){display:none}", _P),
    "a child of those": _page(":nth-child(1 of .x){display:none}", _P),
    "of its kind": _page("p:nth-of-type(2){display:none}", f"<div>good</div>{_P}"),
    "of its kind from behind": _page("p:nth-last-of-type(-n+1){display:none}", _P),
    "the last": _page("p:last-child{display:none}", _P),
    "the last of its kind": _page("p:last-of-type{display:none}", f"{_P}<div>good</div>"),
    "the first": _page("b:first-child{display:none}", f"<p><b>{EVIL}</b><b>good</b></p>"),
    "the only one": _page("b:only-child{display:none}", f"<p><b>{EVIL}</b></p>"),
    "not": _page("p:not(:first-of-type){display:none}", _P),
    "not a list": _page(".w>:not(i,u){display:none}", _TWO),
    "not under a pointer": _page(".x:not(:hover){display:none}", _P),
    "is": _page(":is(h1,.x){display:none}", _P),
    "where": _page("p:where(.x){display:none}", _P),
    "an old any": _page("p:-webkit-any(.x){display:none}", _P),
    "has": _page("div:has(> .x){display:none}", f"<div><p class=x>{EVIL}</p></div>"),
    "has, deeper": _page("div:has(.x){display:none}", f"<div><p>{EVIL} <i class=x>evil</i></p></div>"),
    "has before": _page("p:has(+ .y){display:none}", f"<p>{EVIL}</p><p class=y>good</p>"),
    "has far": _page("div:has(section .x){display:none}", f"<div><section><b class=x>{EVIL}</b></section></div>"),
    "the next": _page("i + b{display:none}", _TWO),
    "one behind": _page("i~b{display:none}", f"<p><i>good</i><u>good</u><b>{EVIL}</b></p>"),
    "a child of the next": _page("i + b > u{display:none}", f"<p><i>good</i><b><u>{EVIL}</u></b></p>"),
    "behind what is empty": _page("i:empty + b{display:none}", f"<p><i></i><b>{EVIL}</b></p>"),
    "behind what is ticked": _page("input:checked + b{display:none}", _TICKED),
    "what another rule holds": _page(".w{color:red; .x{display:none}}", _TWO),
    "what another rule holds, as a child": _page(".w{> b{display:none}}", _TWO),
    "what another rule holds, by its sign": _page(".x{b&{display:none}}", _TWO),
    "a condition in a rule": _page(".x{@media screen{display:none}}", _TWO),
    "the body": _page("body .x{display:none}", _P),
    "the body's class": f"<style>.big .x{{display:none}}</style><body class=big>{_GOOD}{_P}",
    "the body's child": _page("html > body > p.x{display:none}", _P),
    "the root": _page(":root .x{display:none}", _P),
    "everything": _page("div *{display:none}", _TWO),
    "behind the head": (
        f"<html><head><meta charset=utf-8><style>p:nth-child(2){{display:none}}</style></head><body>{_GOOD}{_P}"
    ),
    "a link": _page("a:link{display:none}", f"<a href='https://x.example'>{EVIL}</a>"),
    "a link that leads nowhere": _page("a[href^=java]{display:none}", f"<a href='javascript:x'>{EVIL}</a>"),
    "in another case": _page(".X{display:none}", _P),
    "a sheet in a drawing": f"{_GOOD}<svg><style>.x{{display:none}}</style></svg>{_P}",
    "the twenty-first class": _page(".x{display:none}", f"<p class='{'a b ' * 15}x'>{EVIL}</p>"),
    "behind a long style": f"{_GOOD}<p style='{'color:red;' * 1_000}display:none'>{EVIL}</p>",
    "behind a broken address": _page(".a{background:url(a')} .x{display:none} .y{content:'b'}", _P),
    "behind a broken address in a style": f"{_GOOD}<p style=\"a:url(x')/**/;display:none;b:'y'\">{EVIL}</p>",
    "undone where it does not count": _page(".x{display:none} .y( .x{display:block} ){a:b}", _P),
    "undone by nonsense": _page(".x{display:none;display:nonsense}", _P),
    "undone by a nonsense rule": _page(".x{display:none} .x, p:nonsense{display:block}", _P),
    "undone by nonsense in a style": f"{_GOOD}<p style='font-size:0;font-size:big'>{EVIL}</p>",
    "undone by a nonsense colour": f"{_GOOD}<p style='color:#fff;color:whitish'>{EVIL}</p>",
    "undone by a nonsense ground": f"{_GOOD}<p style='background:#000;background:nono;color:#000'>{EVIL}</p>",
    "undone by a nonsense font": f"{_GOOD}<p style='font:0 a;font:16px'>{EVIL}</p>",
    "undone by nothing": f"{_GOOD}<div style='visibility:hidden'><p style='visibility:unset'>{EVIL}</p></div>",
    "undone by all": _page(
        ".x{color:#000} .x{all:unset}", f"<div style='color:#fff'><p class=x style='all:unset'>{EVIL}</p></div>"
    ),
    "undone by a rule that browsers drop": _page(".x{display:none} .x, :has(:has(b)){display:block}", _P),
    "by what the head has": _page("head:has(title) ~ body .x{display:none}", f"<title>t</title>{_P}").replace(
        "<style>", "<title>t</title><style>"
    ),
    "undone for a printer": _page(".x{display:none}", f"<style media=print>.x{{display:block}}</style>{_P}"),
    "undone in no style sheet": _page(".x{display:none}", f"<style type=text/x>.x{{display:block}}</style>{_P}"),
    "undone by a layer": _page(".x{display:none} @layer a{p.x.x{display:block}}", _P),
    "the colour of what fills": (
        f"{_GOOD}<div style='-webkit-text-fill-color:#fff'><p style='color:#000'>{EVIL}</p></div>"
    ),
    "the first colour": f"{_GOOD}<div style='background:#000;color:#fff'><p style='color:initial'>{EVIL}</p></div>",
    "in another case, with nonsense": _page(".X{font:0/0 a;font:14px}", _P),
    "inside what may be gone": _page(
        ".X{display:none} div{font-size:0} b{font-size:12px}", f"<div class=x><b>{EVIL}</b></div>"
    ),
    "not on paper": _page("@media not print{.x{display:none}}", _P),
    "not on a small screen": _page("@media not all and (max-width:600px){.x{display:none}}", _P),
    "on a fine screen": _page("@media (-webkit-min-device-pixel-ratio:0){.x{display:none}}", _P),
    "by width": _page("@media (width > 100px){.x{display:none}}", _P),
    "where it is supported": _page("@supports (display:grid){.x{display:none}}", _P),
    "in a layer": _page("@layer a{.x{display:none}}", _P),
    "in a paragraph that a table does not end": f"{_GOOD}<p style='display:none'><table><tr><td>{EVIL}</table>",
    "behind a table in a paragraph": f"{_GOOD}<p style='display:none'><table></table>{EVIL}",
    "without an address": f"{_GOOD}<div style='color:#fff'><a>{EVIL}</a></div>",
    "on a ground without a colour": f"{_GOOD}<p style='background:0 0;color:#fff'>{EVIL}</p>",
    "in a rare colour": f"{_GOOD}<p style='color:lemonchiffon'>{EVIL}</p>",
    "on a ground in a rare notation": f"{_GOOD}<p style='background:hwb(0 0% 100%);color:#000'>{EVIL}</p>",
    "moved away in time": _page("@keyframes k{to{opacity:0}} .x{animation:k 0s forwards}", _P),
}  # fmt: skip
"""Hidden in a browser, at least in some state or reader of it."""

DOUBTFUL = {
    "behind a drawing": _page("svg + p{display:none}", f"<svg></svg>{_P}"),
    "is, with what is no selector before": _page(":is(1,.x){display:none}", _P),
    "an attribute's escaped name": _page("[data-\\61]{display:none}", _P),
    "a new state": _page("p:somewhen{display:none}", _P),
    "a new function": _page("p:somehow(2){display:none}", _P),
    "not a new state": _page("p:not(:somewhen){display:none}", _P),
    "a language": _page("p:lang(en){display:none}", _P),
    "broken": _page("p..x{display:none}", _P),
    "another namespace": _page("svg|p{display:none}", _P),
    "a new condition": _page("@somewhere (x){.x{display:none}}", _P),
    "a condition on the reader": _page("@media (pointer:coarse){.x{font-size:0}}", _P),
    "more than is read": f"<style>{'/*' + 'x' * 300_000 + '*/'}.x{{display:none}}</style>{_P}",
    "more rules than are read": _page(f"{'.a{color:red}' * 5_100} .x{{display:none}}", _P),
    "more than is compared": _page(f"{'div div div div p.x b{color:red}' * 300}.x{{display:none}}", _DEEP),
    "deep brackets": _page(f"{':is(' * 60}.x{')' * 60}{{display:none}}", _P),
    "a very long selector": _page(f"p{':not(.q)' * 400}{{display:none}}", _P),
    "a ground that nobody works out": f"{_GOOD}<p style='background:oklch(0 0 0);color:#000'>{EVIL}</p>",
    "a width of nowhere": f"{_GOOD}<p style='font-size:calc(1px - 1px)'>{EVIL}</p>",
}  # fmt: skip
"""Nobody but a browser can say: kept from the text, and a risk."""

SEEN = {
    "another attribute": _page("[data-z],[data-a=z]{display:none}", _P),
    "another child": _page("p:nth-child(5),p:nth-last-child(7),p:nth-of-type(3n){display:none}", _P),
    "not this one": _page("p:not(p){display:none}", _P),
    "not next": _page("u + p, h1 ~ p{display:none}", _P),
    "nothing of it": _page("p:has(b), div:has(> p), .w{.x{display:none}}", _P),
    "a new state that hides nothing": _page("p:somewhen{margin:0} p:lang(en){color:#222}", _P),
    "a new state of others": _page(".q:somewhen{display:none}", _P),
    "under a pointer": _page("p:hover, a:visited, p:focus-within{display:none}", _P),
    "a part": _page(".x::before, .x:after, .x::-webkit-scrollbar{display:none}", _P),
    "in the dark": _page("@media (prefers-color-scheme:dark){p{color:#fff}}", _P),
    "on a telephone": _page("@media only screen and (max-width:600px){.x{display:none!important}}", _P),
    "on paper": _page("@media print{.x{display:none}}", _P),
    "an old Outlook": _page("@media all and (-ms-high-contrast:none){.x{margin:0}}", _P),
    "Apple's own": _page("a[x-apple-data-detectors]{color:inherit!important;font-size:inherit!important}", _P),
    "Outlook.com's own": _page(".ExternalClass *{line-height:100%} [owa] .x{display:none} #outlook a{padding:0}", _P),
    "Gmail's own": _page("u + #body .x{display:none} .gmail-fix{display:none}", _P),
    "Samsung's own": _page("#MessageViewBody .x{width:100%!important}", _P),
    "steps that nobody takes": _page("@keyframes k{to{opacity:0}}", _P),
    "undone": _page(".x{display:none} p.x{display:block}", _P),
    "undone by number": _page("p{display:none} p:nth-child(n){display:block}", _P),
    "undone by what is": _page(".x{display:none} :is(#i){display:block}", _P),
    "a table in the open": f"{_GOOD}<p style='display:none'></p><p>x<table><tr><td>{EVIL}</table>",
    "fonts": _page("@font-face{font-family:'A';src:url('x')} @import url(x);p{font-family:'A'}", _P),
}
"""Hidden in no browser at a desk."""
