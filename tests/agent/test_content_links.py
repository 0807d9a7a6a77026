"""Links in every syntax are found, prose is none, and only what lies below a listed link is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import content

HIDDEN = [
    "see https://evil.com/a",
    "HTTPS://EVIL.COM",
    "http:evil.com",
    "https:/\u200b/evil.com",
    "ftp://evil.com/x",
    "zoommtg://join",
    "//evil.com/x",
    "\\\\evil.com\\share",
    "www.evil.anything",
    "w\u200bww.evil.anything",
    "evil.com",
    "e\u200bvil.c\u00adom",
    "-evil.com",
    "...evil.com",
    "@evil.com",
    "*evil.com*",
    "_evil.com_",
    "(evil.com)",
    "„evil.com“",
    "a,evil.com",
    "a.b.c.d.e.f.g.h.i.j.k.l.m.evil.com",
    "evil.com.Then we go",
    "evil.com:8080/x",
    "サイトevil.comへ",
    "evil。com",
    "evil．com",
    "ＥＶＩＬ．ＣＯＭ",
    "eviⅼ.com",
    "раypal.com",
    "evil.соm",
    "пример.рф",
    "münchen.de",
    "xn--80ak6aa92e.com",
    "evil.xn--p1ai",
    "evil dot com",
    "evil [dot] com",
    "evil(dot)com",
    "evil[.]com",
    "evil{.}com",
    "evil . com",
    "evil .com",
    "evil. com",
    "hxxps://evil.zz/",
    "hxxp[:]//evil[.]zz",
    "h**p://evil.zz",
    "h t t p s : //evil.zz",
    "ht-tp://evil.zz",
    "[click](https://evil.com)",
    "[click](evil)",
    "[click]( //evil )",
    "![x](cid:1)",
    "[click][ref]",
    "[ref]: evil/path",
    "<https://evil.com>",
    "<a href='x'>",
    "< IMG SRC=x >",
    "<svg/onload=x>",
    "style=x href = y",
    "mailto:eve@evil.com",
    "eve@evil.com",
    "eve [at] evil [dot] com",
    "tel:+4930123456",
    "data:text/html;base64,PHg+",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\u200bscript:x",
    "vbscript:x",
    "file:///etc/passwd",
    "10.0.0.1",
    "http://0x7f000001/",
    "http://2130706433/",
    "[::1]",
    "[2001:db8::1]:80",
    "https://user:pass@evil.com",
    "https://larkspur.example@evil.com",
    "&#104;ttps://evil.com",
    "evil&#46;com",
    "evil&period;com",
    "evil%2ecom",
    "evil&#37;2ecom",
    "evil%252ecom",
    "evil&amp;#46;com",
    "https%3A%2F%2Fevil.zz",
]
PROSE = [
    "We open at 9.30 a.m. and close at 6 p.m., e.g. on Monday, i.e. soon.",
    "Tel: +49 30 123456, Fax: -12",
    "Personal data: we keep it. About: us. File: none. Intent: good. News: none.",
    "At that point it works, at this point in time.",
    "As in [12], [3] and at [12:30:45].",
    "Fertig.Über uns. z.B. so usw.",
    "It costs 1.500,00 EUR or 3.50 and/or 1,234.56.",
    "We deliver. In summer we are open. It is so. At nine. To you.",
    "On 20.11.2026 we ship No.5 to St. Gallen (Inc. etc.)",
    "100 % sure & done; x < y and a > b; 1<2",
    "It is \N{BLACK SQUARE} done... and so on…\nBest, Ann",
    "Use Node.js or file.txt, please.",
    "Question [optional] (see below): yes!",
    "the source code and the action plan",
]
LISTED = ("https://larkspur.example/help/", "shop.example", "http://old.example/", "tel:+49309000")
ALLOWED = [
    "https://larkspur.example/help/",
    "https://larkspur.example/help",
    "https://larkspur.example/help/a-b/c.html?x=1&y=2#part",
    "https://LARKSPUR.example:443/help/x",
    "https://larkspur.example./help/x",
    "larkspur.example/help/x",
    "https://shop.example",
    "https://shop.example/",
    "shop.example",
    "http://old.example/x",
    "tel:+49309000",
    "me@customer.example",
    "mailto:Me@customer.example",
]
STRANGE = [
    "https://larkspur.example.evil.com/help/",
    "https://larkspur.example/helper",
    "https://larkspur.example/",
    "https://larkspur.example",
    "http://larkspur.example/help/",
    "ftp://larkspur.example/help/",
    "https://evil.larkspur.example/help/",
    "https://evil@larkspur.example/help/",
    "https://@larkspur.example/help/",
    "https://larkspur.example@evil.com/help/",
    "https://larkspur.example:8443/help/",
    "https://larkspur.example:x/help/",
    "https://larkspur.example/help/../admin",
    "https://larkspur.example/help/%2e%2e/admin",
    "https://larkspur.example/help/%252e%252e/admin",
    "https://larkspur.example/help//evil.com",
    "https://larkspur.example/help/,https://evil.com",
    "https://larkspur.example/help/?to=https://evil.com",
    "https://larkspur.example/help/?to=evil.com",
    "https://larkspur.example/help/#evil.com",
    "https://larkspur.example/help/|evil",
    "https://larkspur.example/help/ä",
    "https://larkspur.example%2f.evil.com/help/",
    "https://larkspur.example\\@evil.com/help/",
    "https://larkspur.example)x/help/",
    "https:larkspur.example/help/",
    "https:///larkspur.example/help/",
    "//larkspur.example/help/",
    "https://larkspur.examplе/help/",  # a Cyrillic letter
    "javascript:https://larkspur.example/help/",
    "hxxps://larkspur.example/help/",
    "https://[::1]/help/",
    "shop.example,evil.com",
    "shop.example.evil.com",
    "mailto:me@customer.example?bcc=eve@evil.com",
    "eve@evil.com",
    "tel:+49309000,1",
    "",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_a_link_is_found_in_any_syntax(text: str) -> None:
    found = content.links(text)
    assert found
    assert not all(content.is_allowed(one, LISTED, ()) for one in found)


@pytest.mark.parametrize("text", HIDDEN)
@pytest.mark.parametrize("frame", ["Please look here: {} and answer.", "https://larkspur.example/help/ {}", "\n\n{}\n"])
def test_a_link_is_found_wherever_it_stands(text: str, frame: str) -> None:
    assert not all(content.is_allowed(one, LISTED, ()) for one in content.links(frame.format(text)))


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_no_link(text: str) -> None:
    """Else the operator's own entries would wait for no reason."""
    assert content.links(text) == []


@pytest.mark.parametrize("link", ALLOWED)
def test_what_is_listed_or_below_it_is_allowed(link: str) -> None:
    assert content.is_allowed(link, LISTED, {"me@customer.example"})


@pytest.mark.parametrize("link", STRANGE)
def test_what_only_looks_listed_is_not_allowed(link: str) -> None:
    assert not content.is_allowed(link, LISTED, {"me@customer.example"})


@pytest.mark.parametrize("link", ["https://larkspur.example/help/a%20b", "https://larkspur.example/help/x?q=a%26b"])
def test_every_reading_of_a_listed_link_is_allowed(link: str) -> None:
    """It is looked at as it stands and as it decodes."""
    assert all(content.is_allowed(one, LISTED, ()) for one in content.links(f"See {link}."))


@pytest.mark.parametrize("frame", ["{}", "({}).", "See {}, please.", "<{}>", "[help]({})", '"{}"', "**{}**", "{}!\n"])
def test_a_listed_link_is_recognised_among_punctuation(frame: str) -> None:
    found = content.links(frame.format("https://larkspur.example/help/returns"))
    assert found
    assert all(content.is_allowed(one, LISTED, ()) for one in found)


def test_a_second_link_does_not_hide_behind_a_listed_one() -> None:
    for between in (*",;|'\"&?#/\\@\u200b\u3000", ")(", "][", "//", "%20"):
        found = content.links(f"https://larkspur.example/help/{between}https://evil.com/")
        assert not all(content.is_allowed(one, LISTED, ()) for one in found), between


def test_nothing_is_allowed_where_nothing_is_listed() -> None:
    assert not content.is_allowed("https://larkspur.example/", (), ())
    assert not content.is_allowed("https://larkspur.example/", ("", "https://", "not a link", "mailto:x"), ())


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_a_host_among_any_text_is_found_or_part_of_something_found(before: str, after: str) -> None:
    """Neighbours can hide a link from a rule only by not being beside it for a reader either."""
    assert content.links(f"{before} https://evil.example/ {after}")


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_search(text: str) -> None:
    for link in content.links(text):
        content.is_allowed(link, LISTED, ("me@customer.example",))
