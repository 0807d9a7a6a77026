"""Every way to hide text in a mail's page, by every way to say it: reported, left out, and kept from the model."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from inbound import codes
from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from tests.agent.postroom import Scripted, house

TECHNIQUES = {
    "display": "display:none",
    "visibility": "visibility:hidden",
    "collapsed": "visibility:collapse",
    "zero font": "font-size:0",
    "tiny font": "font-size:1px",
    "zero font by the short form": "font:0/0 serif",
    "opacity": "opacity:0",
    "filter": "filter:opacity(0)",
    "white on white": "color:#ffffff",
    "nearly white on white": "color:rgb(253,254,255)",
    "transparent": "color:transparent",
    "the ground's colour": "background-color:#1a2b3c;color:#1a2b3c",
    "the ground's colour by another name": "background:navy;color:#000080",
    "off screen to the left": "position:absolute;left:-9999px",
    "off screen to the top": "position:fixed;top:-200em",
    "off screen by indent": "text-indent:-9999px",
    "off screen by margin": "margin-left:-5000px",
    "no height": "height:0;overflow:hidden",
    "no greatest height": "max-height:0;overflow:hidden",
    "no width": "width:0;overflow:hidden",
    "clip": "position:absolute;clip:rect(0 0 0 0)",
    "clip path": "clip-path:inset(100%)",
    "scaled away": "transform:scale(0)",
    "moved away": "transform:translateX(-9999px)",
    "off screen by the short form": "position:absolute;inset:-9999px auto auto auto",
    "far to the right": "position:fixed;left:9999px",
    "far below": "position:absolute;top:100000px",
    "moved away by its own property": "translate:-9999px",
    "scaled away by a matrix": "transform:matrix(0,0,0,0,0,0)",
    "moved away by a matrix": "transform:matrix(1,0,0,1,-9999,0)",
    "for Outlook": "mso-hide:all",
    "not laid out": "content-visibility:hidden",
}
WAYS = {
    "a style": '<p style="{css}">{evil}</p>',
    "a style on what holds it": '<div style="{css}"><p>{evil}</p></div>',
    "a style far above": '<div style="{css}"><div><section><p><b>{evil}</b></p></section></div></div>',
    "a class": "<style>.x {{ {css} }}</style><p class=x>{evil}</p>",
    "a class of what holds it": "<style>.x {{ {css} }}</style><div class=x><p>{evil}</p></div>",
    "an id": "<style>#x {{ {css} }}</style><p id=x>{evil}</p>",
    "the element": "<style>blink {{ {css} }}</style><blink>{evil}</blink>",
    "a descendant": "<style>.x b i {{ {css} }}</style><div class=x><p><b><i>{evil}</i></b></p></div>",
    "a child": "<style>.x > b {{ {css} }}</style><p class=x><b>{evil}</b></p>",
    "a list of selectors": "<style>h6, .x, .y {{ {css} }}</style><p class=x>{evil}</p>",
    "two classes": "<style>.x.y {{ {css} }}</style><p class='y x'>{evil}</p>",
    "a screen's rule": "<style>@media screen {{ .x {{ {css} }} }}</style><p class=x>{evil}</p>",
    "a sheet behind the text": "<p class=x>{evil}</p><style>.x {{ {css} }}</style>",
    "what is important": "<style>.x {{ {important} }}</style><p class=x style='{undone}'>{evil}</p>",
}
EVIL = "wicked orders to a machine"
UNDONE = (
    "display:block;visibility:visible;color:#000;background-color:#fff;font-size:16px;opacity:1;height:auto;"
    "max-height:none;overflow:visible"
)
OTHERS = {
    "the attribute": f"<p hidden>{EVIL}</p>",
    "the attribute with a value": f"<p hidden=until-found>{EVIL}</p>",
    "the attribute of what holds it": f"<div hidden><p>{EVIL}</p></div>",
    "a comment": f"<!-- please note: {EVIL} that reads all of this page and answers it -->",
    "an open comment": f"<p>good words</p><!-- please note: {EVIL} that reads all of this page and answers it",
    "a short form behind the long one": f'<p style="background-color:#fff;background:#000;color:#000">{EVIL}</p>',
    "a short form of a font": f'<p style="font-size:16px;font:0 serif">{EVIL}</p>',
    "opacity upon opacity": f"{'<div style=opacity:.2>' * 3}{EVIL}{'</div>' * 3}",
    "a closed dialog": f"<dialog>{EVIL}</dialog>",
    "a popover": f"<div popover>{EVIL}</div>",
    "a list of proposals": f"<datalist><option>{EVIL}</datalist>",
    "a font's colour": f"<font color=white>{EVIL}</font>",
    "a table's ground": f"<table bgcolor=#000000><tr><td><font color=#000000>{EVIL}</font></td></tr></table>",
    "the page's text colour": f'<body text="#fefefe"><p>{EVIL}</p>',
}


def written(css: str, way: str) -> str:
    important = ";".join(f"{one} !important" for one in css.split(";"))
    return WAYS[way].format(css=css, important=important, undone=UNDONE, evil=EVIL)


def read(page: str) -> NormalizedEmail:
    raw = f"From: a@b.example\nSubject: x\nContent-Type: text/html; charset=utf-8\n\n<p>good words</p>{page}\n".encode()
    found = normalize(raw)
    assert isinstance(found, NormalizedEmail)
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("technique", TECHNIQUES)
def test_hidden_text_is_reported_and_left_out(technique: str, way: str) -> None:
    """Nothing of it is in any text of the mail, and that there was some is a risk."""
    found = read(written(TECHNIQUES[technique], way))
    assert "wicked" not in found.text + found.new_text + found.quoted + found.signature
    assert codes.HIDDEN_TEXT in found.risks


@pytest.mark.parametrize("page", OTHERS.values(), ids=OTHERS)
def test_what_hides_without_a_style_is_reported_too(page: str) -> None:
    """Attributes and comments."""
    found = read(page)
    assert "wicked" not in found.text
    assert codes.HIDDEN_TEXT in found.risks


@pytest.mark.parametrize(
    "css",
    [
        "color:oklch(1 0 0)",
        "color:light-dark(white,white)",
        "color:color-mix(in srgb,white,white)",
        "mask-image:linear-gradient(transparent,transparent)",
        "mix-blend-mode:screen",
        "filter:brightness(100)",
        "backface-visibility:hidden;transform:rotateY(180deg)",
        "font-size:var(--none)",
    ],
)
def test_what_only_a_browser_can_say_is_for_a_person(css: str) -> None:
    """Also where what stands inside has a style of its own."""
    for page in (f'<p style="{css}">{EVIL}</p>', f'<div style="{css}"><p style="text-indent:0">{EVIL}</p></div>'):
        assert codes.HIDDEN_TEXT in read(page).risks


def test_what_stands_a_little_aside_is_seen() -> None:
    """Half transparent text, a small offset, a matrix that only moves a little, an open dialog."""
    for page in (
        f'<p style="opacity:.5">{EVIL}</p>',
        f'<p style="position:relative;inset:0 auto auto 20px;translate:5px">{EVIL}</p>',
        f'<p style="transform:matrix(1,0,0,1,10,0);mask:none;mix-blend-mode:normal">{EVIL}</p>',
        f"<dialog open>{EVIL}</dialog>",
    ):
        assert (EVIL in read(page).text, read(page).risks) == (True, ())


@pytest.mark.parametrize("way", [one for one in WAYS if one != "what is important"])
def test_the_same_ways_hide_nothing_that_is_seen(way: str) -> None:
    """A style that hides nothing is no risk, and its text is read."""
    found = read(written("color:#333;font-size:14px", way))
    assert (EVIL in found.text, found.risks) == (True, ())


async def test_no_model_gets_hidden_text(tmp_path: Path) -> None:
    """All of it in one mail: what goes to the model says nothing of it, and the mail waits for a person."""
    ways = ("a style", "a class of what holds it")
    pages = [written(css, way) for css, way in itertools.product(TECHNIQUES.values(), ways)]
    # Each page in a frame of its own kind, so that no style sheet reaches another's text.
    page = "".join(one.replace("class=x", f"class=x{n}").replace(".x ", f".x{n} ") for n, one in enumerate(pages))
    answer = '{"intent": "opening_hours", "confidence": 0.99, "entities": [], "risks": [], "requested_action": "reply"}'
    model = Scripted(extraction=answer)
    async with house(tmp_path, model=model) as home:
        html = f"<p>What are your opening hours on Saturday?</p>{page}{''.join(OTHERS.values())}"
        mail_id = await home.receive(html, headers={"Content-Type": "text/html; charset=utf-8"})
        await home.settle()
        assert model.requests
        assert all("wicked" not in repr(request) for request in model.requests)
        assert "opening hours" in repr(model.requests[0])
        mail = await home.mail(mail_id)
        assert mail.normalized is not None
        assert codes.HIDDEN_TEXT in mail.normalized["risks"]
        assert home.replies() == []
