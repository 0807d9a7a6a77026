"""What strangers made, over real HTTP: the policy of the frame, files that nobody opens, what is left of HTML."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from agent.web.frame import disposition
from agent.web.sanitised import MAX_PICTURE, MAX_PICTURES, sanitise
from inbound.bounds import BoundBrokenError
from tests.agent.desk_visitor import HEADERS, OTHERS, Visitor, visiting

FRAME = {
    **HEADERS,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "unsafe-none",
    "content-type": "text/html; charset=utf-8",
}
FILE = {
    **HEADERS,
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-opener-policy": "unsafe-none",
    "content-type": "application/octet-stream",
}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
MAIL = (
    """From: Ann <ann@customer.example>
To: support@larkspur.example
Subject: Pictures
Message-ID: <pictures@customer.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<p style="color:white">Order <b>LG-48213</b> <a href="https://evil.example/a?b">shop.example</a>
<img src="cid:logo@x" alt="logo"><img src="https://evil.example/pixel.png"><script>alert(1)</script>
--b
Content-Type: image/png; name=logo.png
Content-ID: <logo@x>
Content-Transfer-Encoding: base64

"""
    + base64.b64encode(PNG).decode()
    + """
--b
Content-Type: text/html
Content-Disposition: attachment; filename="page.html"

<script>alert(1)</script>
--b--
"""
)


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


async def received(visitor: Visitor) -> str:
    raw = MAIL.replace("\n", "\r\n").encode()
    mail_id = await visitor.home.receive_raw(raw, mail_from="ann@customer.example")
    await visitor.home.settle()
    return mail_id


def exactly(answer: httpx2.Response, wanted: dict[str, str]) -> None:
    for name, value in wanted.items():
        assert (name, answer.headers.get_list(name)) == (name, [value])
    assert {name.lower() for name in answer.headers} <= wanted.keys() | OTHERS


async def test_the_frame_has_a_policy_of_its_own(visitor: Visitor) -> None:
    """Exact headers; the text, the mail's own picture and the host of the link are there, nothing else."""
    mail_id = await received(visitor)
    answer = await visitor.client.get(f"/mail/{mail_id}/html")
    exactly(answer, FRAME)
    assert "<b>LG-48213</b>" in answer.text
    assert "shop.example <small>[evil.example, not where its text says]</small>" in answer.text
    assert answer.text.count('<img src="data:image/png;base64,') == 1
    assert not {word for word in ("<a ", "href", "<script", "alert", "pixel", "style=", "cid:") if word in answer.text}


async def test_an_unknown_mail_is_nothing_in_the_same_frame(visitor: Visitor) -> None:
    """What is not here is said inside the frame, under the frame's policy."""
    answer = await visitor.client.get("/mail/m-unknown/html")
    exactly(answer, FRAME)
    assert (answer.status_code, "not here" in answer.text) == (404, True)


async def test_attachments_are_bytes_to_be_saved(visitor: Visitor) -> None:
    """The bytes as they were attached, as a download of no type; a number too far is no file."""
    mail_id = await received(visitor)
    page = await visitor.page(f"/mail/{mail_id}")
    assert "logo.png" in page.text
    for number, (name, data) in enumerate([("logo.png", PNG), ("page.html", b"<script>alert(1)</script>")]):
        answer = await visitor.client.get(f"/mail/{mail_id}/file/{number}")
        wanted = f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
        exactly(answer, {**FILE, "content-disposition": wanted})
        assert answer.content.strip() == data
    for path in ("file/2", "file/-1", "file/x", f"file/{'9' * 30}"):
        assert (await visitor.client.get(f"/mail/{mail_id}/{path}")).status_code == 404


async def test_strangers_get_neither(tmp_path: Path) -> None:
    """Without a session there is no HTML and no file."""
    async with visiting(tmp_path, inside=False) as stranger:
        mail_id = await received(stranger)
        for path in ("html", "file/0"):
            answer = await stranger.client.get(f"/mail/{mail_id}/{path}")
            assert answer.status_code in {401, 303}
            assert "LG-48213" not in answer.text


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ('a"; filename=b.html', "a__ filename_b.html"),
        ("Rechnung März.pdf", "Rechnung M_rz.pdf"),
        ("..", "file"),
        ("", "file"),
        ("a\r\nSet-Cookie: x=1", "a__Set-Cookie_ x_1"),
    ],
)
def test_a_name_cannot_leave_its_header(name: str, wanted: str) -> None:
    """Both forms of the name are ASCII without quotes, line ends and separators."""
    made = disposition(name)
    assert made.startswith(f"attachment; filename=\"{wanted}\"; filename*=UTF-8''")
    assert made.isascii()
    assert made.isprintable()
    assert made.count('"') == 2


def test_pictures_are_counted_at_every_use() -> None:
    """One large picture that is named a thousand times does not become a thousand pictures."""
    picture = PNG.ljust(MAX_PICTURE, b"\0")
    page = sanitise('<img src="cid:a">' * 1_000, {"a": picture})
    assert page.count("<img") == MAX_PICTURES // MAX_PICTURE
    assert "<img" not in sanitise('<img src="cid:a">', {"a": picture + b"\0"})


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"GIF89a" + b"\xff" * 40, b"%PDF" * 20]
)
def test_only_raster_pictures_are_pictures(data: bytes) -> None:
    """By their first bytes, whatever the part says; a GIF that says it has 65,535 pixels a side is none either."""
    assert "<img" not in sanitise('<img src="cid:a" alt="x">', {"a": data})


def test_html_too_deep_is_not_shown_as_html() -> None:
    """Ten thousand levels would cost the browser and us quadratic time."""
    with pytest.raises(BoundBrokenError):
        sanitise("<div>" * 10_000, {})
