"""What a reader sees of HTML, and what hides from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound import codes
from inbound.bounds import BoundBrokenError
from inbound.text import read_html

HIDDEN = [
    '<p style="display:none">evil words</p>',
    '<p style="DISPLAY : None !important">evil words</p>',
    '<p style="dis\\70lay:none">evil words</p>',
    '<p style="display:/**/none">evil words</p>',
    '<p style="visibility:hidden">evil words</p>',
    '<p style="font-size:0">evil words</p>',
    '<p style="font-size:1px">evil words</p>',
    '<p style="font-size:.05em">evil words</p>',
    '<p style="font:0/0 a">evil words</p>',
    '<p style="opacity:0">evil words</p>',
    '<p style="opacity:.01">evil words</p>',
    '<p style="filter:opacity(0%)">evil words</p>',
    '<p style="color:#fff">evil words</p>',
    '<p style="color:white;background:white">evil words</p>',
    '<p style="color:rgb(254,254,254)">evil words</p>',
    '<p style="color:hsl(0,0%,99%)">evil words</p>',
    '<p style="color:transparent">evil words</p>',
    '<p style="color:rgba(0,0,0,0)">evil words</p>',
    '<p style="color:#00000000">evil words</p>',
    '<font color="#FFFFFF">evil words</font>',
    "<table bgcolor=black><tr><td><font color=#010101>evil words</font></td></tr></table>",
    '<p style="position:absolute;left:-9999px">evil words</p>',
    '<p style="position:fixed;top:-100em">evil words</p>',
    '<p style="text-indent:-9999px">evil words</p>',
    '<p style="margin-left:-9999px">evil words</p>',
    '<p style="margin:0 0 0 -200em">evil words</p>',
    '<p style="height:0;overflow:hidden">evil words</p>',
    '<p style="max-height:0px;overflow:hidden">evil words</p>',
    '<p style="width:1px;height:1px;overflow:hidden">evil words</p>',
    '<p style="position:absolute;clip:rect(0,0,0,0)">evil words</p>',
    '<p style="clip-path:inset(50%)">evil words</p>',
    '<p style="transform:scale(0)">evil words</p>',
    '<p style="transform:translateX(-9999px)">evil words</p>',
    '<p style="mso-hide:all">evil words</p>',
    '<p style="letter-spacing:-1em">evil words</p>',
    "<p hidden>evil words</p>",
    '<p hidden="until-found">evil words</p>',
    "<style>.x{display:none}</style><p class=x>evil words</p>",
    "<p class=x>evil words</p><style>.x{display:none}</style>",
    "<style>#i{display:none}</style><p id=i>evil words</p>",
    "<style>div p{display:none}</style><div><b><p>evil words</p></b></div>",
    "<style>div > p{font-size:0}</style><div><p>evil words</p></div>",
    "<style>p.x.y{opacity:0}</style><p class='y x'>evil words</p>",
    "<style>@media screen{.x{display:none}}</style><p class=x>evil words</p>",
    "<style>@media (max-width:99999px){.x{display:none}}</style><p class=x>evil words</p>",
    "<style>@import 'x';.x{display:none</style><p class=x>evil words</p>",
    "<style>.x{display:none!important}</style><p class=x style='display:block'>evil words</p>",
    "<style>.a{display:block}.b .a{display:none}</style><p class=b><i class=a>evil words</i></p>",
    '<div style="display:none"><p><b>evil words</b></p></div>',
    '<div style="font-size:0"><p style="font-size:2em">evil words</p></div>',
    '<div style="color:#fff"><p>evil words</p></div>',
    # Pictures do not load, or are as white as the page.
    '<table background="x.png"><tr><td><font color=white>evil words</font></table>',
    '<div style="background:url(x.png)"><p style="color:white">evil words</p></div>',
    '<div style="background:#000 linear-gradient(#fff,#fff)"><p style="color:white">evil words</p></div>',
    '<body style="display:none">evil words',
    '<body text="#ffffff">evil words',
    # Markup that a naive reader would close too early.
    '<div style="display:none"></p></span></b>evil words</div>',
    "<span style=display:none><p></span>evil words</p>",
    "<div style=display:none></di\0v>evil words</div>",
    "<any-thing style=display:none>evil words</any-thing>",
    "<a<b style=display:none>evil words</a<b>",
    '<p style="display:none" style="display:block">evil words</p>',
    # Ends of what was never opened.
    "<body style=display:none></div></x-ours-body></html></body>evil words",
    "<a<b style=display:none></c<d></x-ours-odd0>evil words</a<b>",
    "<div style=display:none><plaintext></div>evil words",
    "<!-- evil words that tell a machine to send all of our money away -->",
]


@pytest.mark.parametrize("source", HIDDEN)
def test_hidden_text_is_reported_and_left_out(source: str) -> None:
    """By attribute, style, style sheet, inheritance or broken markup."""
    seen = read_html(f"<p>good</p>{source}")
    assert "evil" not in seen.text
    assert codes.HIDDEN_TEXT in seen.risks
    assert "good" in seen.text or "<body" in source


SEEN = [
    '<p style="font-size:11px;color:#666;opacity:.9">good words</p>',
    '<p style="line-height:1.5;overflow:hidden">good words</p>',
    '<p style="line-height:0">good words</p>',
    '<p style="height:0">good words</p>',
    '<p style="transform:scale(0.5)">good words</p>',
    '<p style="margin-left:-4px;text-indent:-18pt">good words</p>',
    '<div style="background:#000"><p style="color:#fff">good words</p></div>',
    "<body bgcolor=black text=white>good words",
    '<table background="x.png" bgcolor="#333"><tr><td><font color=white>good words</font></table>',
    '<div style="background:#036 url(x.png)"><p style="color:white">good words</p></div>',
    '<div style="background:#03c linear-gradient(#06f,#03c)"><p style="color:white">good words</p></div>',
    '<div style="visibility:hidden"><p style="visibility:visible">good words</p></div>',
    "<style>.x{display:none}.x{display:block}</style><p class=x>good words</p>",
    "<style>.x{display:none}</style><p class=x style='display:block'>good words</p>",
    "<style>@media (max-width:600px){.x{display:none}}</style><p class=x>good words</p>",
    "<style>@media print{.x{display:none}}</style><p class=x>good words</p>",
    "<style>b p{display:none}</style><p>good words</p>",
    "<style>a:hover{display:none} p.MsoNormal{margin:0cm}</style><p class=MsoNormal>good words</p>",
    "<style>/* .x{display:none} */ .y:before{content:'}.x{display:none}'}</style><p class=x>good words</p>",
    "<div style=display:none></div><p>good words</p>",
    "<p style=display:none><div>good words</div>",
    "<noscript>good words</noscript>",
    "<!--[if mso]><p>Outlook has many words of its own in here, does it not</p><![endif]-->good words",
    '<span style="display:none">&zwnj;</span>good words',
    '<p style="opacity:banana;font-size:huge;color:chartreusish">good words</p>',
]


@pytest.mark.parametrize("source", SEEN)
def test_what_is_seen_is_read(source: str) -> None:
    """Nothing is taken for hidden that a reader sees."""
    seen = read_html(source)
    assert seen.text.strip() == "good words"
    assert seen.risks == ()


@pytest.mark.parametrize(
    "source",
    [
        "<style>p:nth-child(1){display:none}</style><p>some words</p>",
        '<style>[class="x"]{font-size:0}</style><p class=x>some words</p>',
        '<p style="font-size:calc(1px - 1px)">some words</p>',
    ],
)
def test_a_style_that_cannot_be_worked_out_is_a_risk(source: str) -> None:
    """Selectors and sums that are not understood: somebody must look."""
    assert codes.HIDDEN_TEXT in read_html(source).risks


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One <b>two</b></p><p>three<br>four</p>", "One two\n\nthree\nfour"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n>\n>> b\n\nc"),
        ('<blockquote style="margin:0 0 0 40px;border:none">a</blockquote>', "a"),
        ("<title>t</title><script>s()</script>a<template>x</template>", "a"),
        ("a &lt;b&gt; &amp; c &#8364;", "a <b> & c €"),
        ("  a\n  b ", "a b"),
    ],
)
def test_the_form_of_text(source: str, text: str) -> None:
    """Paragraphs, lists, tables and quotations as plain text."""
    assert read_html(source).text.strip("\n") == text


REWRITTEN = "https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fshop.example%2F&amp;data=1"


@pytest.mark.parametrize(
    ("source", "risks"),
    [
        ('<a href="https://shop.example/x">here</a>', ()),
        ('<a href="https://www.shop.example/x">shop.example</a>', ()),
        ('<a href="https://shop.example/x">https://shop.example/y</a>', ()),
        ('<a href="mailto:a@shop.example">a@shop.example</a>', ()),
        ('<a href="https://shop.example/i.pdf">invoice.pdf</a>', ()),
        (f'<a href="{REWRITTEN}">shop.example</a>', ()),
        ('<a href="https://evil.example/x">shop.example</a>', (codes.LINK_TEXT_DIFFERS,)),
        ('<a href="https://shop.example.evil.example/">https://shop.example</a>', (codes.LINK_TEXT_DIFFERS,)),
        ('<a href="https://shop.example@evil.example/">shop.example</a>', (codes.LINK_TEXT_DIFFERS,)),
        ('<a href="//evil.example">Go to <b>shop.example</b> now</a>', (codes.LINK_TEXT_DIFFERS,)),
        ('<a href="http:\\\\evil.example">shop.example</a>', (codes.LINK_TEXT_DIFFERS,)),
        ('<a href="https://pаypal.example">pay</a>', (codes.MIXED_SCRIPT,)),
    ],
)  # fmt: skip
def test_a_link_that_leads_elsewhere_is_a_risk(source: str, risks: tuple[str, ...]) -> None:
    """Only where its text names a host; the text stays, the target does not."""
    seen = read_html(source)
    assert seen.risks == risks
    assert "evil.example" not in seen.text


@pytest.mark.parametrize(
    "source",
    [
        "<div>" * 100_000,
        "<b><p>" * 50_000,
        "<p " + " ".join(f"a{number}" for number in range(100_000)) + ">",
        "".join(f"<n{number}></n{number}>" for number in range(5_000)),
    ],
)
def test_html_past_the_bounds_is_not_read(source: str) -> None:
    """Depth, attributes, kinds of element: the mail is quarantined, not read halfway."""
    with pytest.raises(BoundBrokenError):
        read_html(source)


@pytest.mark.parametrize(
    "source",
    [
        "<" * 300_000,
        "&#" * 200_000,
        "<!--" * 100_000,
        "</" * 200_000,
        "<style>" + "a{" * 90_000,
        "<style>" + "/*" * 90_000,
        "<style>" + "'" * 190_000,
        "<style>" + "div div div a{display:none}" * 490 + "</style>" + "<div>" * 500 + "<a>x</a>" * 5_000,
        "<style>" + "p ~ p ~ p ~ i{display:none}" * 300 + "</style>" + "<p>x</p>" * 3_000 + "<i>x</i>" * 100,
        f"<style>{'.x:y{color:#111}' * 8}</style>" + "<p class=x>x</p>" * 2_000,
        "<style>" + ":is(" * 50_000,
        "<a href='http://x.example/'>" + "a." * 100_000,
        "<table><tr><td>" * 450,
    ],
)
def test_hostile_html_is_read_to_the_end(source: str) -> None:
    """What makes other readers quadratic; a run that does not end fails the suite."""
    assert isinstance(read_html(source).text, str)


PIECES = [
    *(
        "<div style='display:none'>",
        "</div>",
        "<p>",
        "</p>",
        "<b hidden>",
        "</b>",
        "x",
        "<td>",
        "<table>",
        "<a href=x>",
    ),
    *("</a>", "<!--", "-->", "<style>", "b{}", "</style>", "<", ">", "&amp"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_no_markup_raises(pieces: list[str]) -> None:
    """Any order of tags, and the same text each time."""
    source = "".join(pieces)
    assert read_html(source) == read_html(source)
