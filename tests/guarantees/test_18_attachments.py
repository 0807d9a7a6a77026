"""Guarantee 18: attachments are inert: never opened, unpacked or run; names are safe; served as downloads alone."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path

import httpx2
import pytest

from agent.forgetting import export
from agent.store import mails, searching
from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from tests.agent.desk_visitor import HEADERS, OTHERS, hosted, served
from tests.agent.postroom import CUSTOMER, HOURS, SUPPORT, house
from tests.guarantees.attacker import CANARY, Attacker, Sink, approve_all, call, send

HIDDEN = "postroomhiddencanary"
"""The canary as one word, as search would know it."""
WITHIN = f"{HIDDEN} {CANARY}\n"


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, WITHIN * 50)
    return file.getvalue()


def tarred(name: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        one = tarfile.TarInfo(name)
        one.size = len(WITHIN)
        archive.addfile(one, io.BytesIO(WITHIN.encode()))
    return file.getvalue()


FILES: tuple[tuple[str, str, bytes], ...] = (
    ("a.zip", "application/zip", zipped("inner.txt")),
    ("../../../../tmp/postroom-escaped", "application/octet-stream", zipped("../../postroom-escaped")),
    ("a.tar.gz", "application/gzip", tarred("../../postroom-escaped")),
    ("bomb.gz", "application/gzip", gzip.compress(bytes(10_000_000), 9)),
    ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", zipped("word/document.xml")),
    ("page.html", "text/html", f"<script>{CANARY}</script><p>{HIDDEN}".encode()),
    ("notes.txt", "text/plain", WITHIN.encode()),
    (
        "drawing.svg",
        "image/svg+xml",
        f'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><svg>&y;{WITHIN}'.encode(),
    ),
    ("run.sh", "application/x-sh", f"#!/bin/sh\necho {WITHIN} > postroom-escaped\n".encode()),
    ("invitation.ics", "text/calendar", f"BEGIN:VCALENDAR\nSUMMARY:{WITHIN}\n".encode()),
    ("object.pickle", "application/octet-stream", b"cos\nsystem\n(S'touch postroom-escaped'\ntR."),
)
NAMES = (
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "C:\\autoexec.bat",
    ".htaccess",
    "...",
    "con.txt\x00.exe",
    "invoice\u202efdp.exe",
    "in\u200bvoice.pdf",
    "a\r\n Content-Type: text/html",
    "'; filename=evil.html",
    "<script>alert(1)</script>.txt",
    "a" * 5000 + ".pdf",
    "%2e%2e%2fpasswd",
    "=?utf-8?q?=2E=2E=2Fpasswd=0D=0AX:_y?=",
    "| rm -rf ~",
    "\u0444\u0430\u0439\u043b.pdf",
    "",
)


def mail_with(*files: tuple[str, str, bytes]) -> bytes:
    """A mail to us with these files: name, content type, bytes."""
    parts = [f"Content-Type: text/plain\r\n\r\n{HOURS}\r\n"]
    for name, kind, data in files:
        text = base64.encodebytes(data).decode().replace("\n", "\r\n")
        coded = "Content-Transfer-Encoding: base64"
        parts.append(
            f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n{coded}\r\n\r\n{text}'
        )
    inner = f"From: {CUSTOMER}\r\nSubject: {CANARY}\r\n\r\n{WITHIN}\r\n"
    parts.append(f"Content-Type: message/rfc822\r\n\r\n{inner}")
    head = f"From: {CUSTOMER}\r\nTo: {SUPPORT}\r\nSubject: Files\r\nMessage-ID: <files@customer.example>\r\n"
    head += "MIME-Version: 1.0\r\n"
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}--b--\r\n".encode()


class Watch:
    """What the interpreter itself saw of programs that run and files elsewhere; switched, for a hook stays for ever."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pickle.find_class"}:
            self.seen.append(event)
        if self.on and event == "open" and "postroom-escaped" in str(arguments[0]):
            self.seen.append(str(arguments[0]))


WATCH = Watch()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """On, with every way to unpack broken: who opens an attachment raises."""

    def opened(*_given: object, **_more: object) -> object:
        WATCH.seen.append("unpacked")
        raise AssertionError("an attachment was opened")

    for owner, name in (
        (zipfile, "ZipFile"),
        (tarfile, "open"),
        (gzip, "decompress"),
        (gzip, "GzipFile"),
        (zlib, "decompress"),
        (zlib, "decompressobj"),
    ):
        monkeypatch.setattr(owner, name, opened)
    WATCH.seen.clear()
    return WATCH


async def test_nothing_in_an_attachment_is_read_by_anybody(tmp_path: Path, watch: Watch) -> None:
    """No word of one reaches a model, the search, a page or a reply; none is unpacked, run or written anywhere."""
    sink, model = Sink(), Attacker([(call("read_inbox", '{"limit": 20}'), send())])
    watch.on = True
    try:
        async with house(tmp_path, model=model, courier=sink) as home, served(home):
            assert home.service.desk is not None
            mail_id = await home.receive_raw(mail_with(*FILES), mail_from=CUSTOMER)
            await home.settle()
            port = home.service.desk.getsockname()[1]
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False) as client:
                await hosted(home)
                await client.get("/", params={"token": home.service.sessions.token})
                page = await client.get(f"/mail/{mail_id}")
                frame = await client.get(f"/mail/{mail_id}/html")
            await approve_all(home)
            story = [one async for one in export(home.parts, CUSTOMER)]
            async with home.parts.database.read() as tx:
                assert await searching.find(tx, HIDDEN, limit=10) == []
                mail = await mails.get(tx, mail_id)
    finally:
        watch.on = False
    assert watch.seen == []
    assert (page.status_code, frame.status_code) == (200, 200)
    assert len(sink.given) == 1
    assert mail is not None
    assert mail.normalized is not None
    assert len(mail.normalized["attachments"]) == len(FILES) + 1
    said = [
        *(request.model_dump_json() for request in model.requests),
        page.text,
        frame.text,
        json.dumps(mail.normalized),
        json.dumps([{**one, "raw": ""} for one in story]),
        sink.given[0].raw.decode(),
    ]
    assert not [one for one in said if HIDDEN in one or CANARY in one]
    assert not list(Path(tmp_path.parent).rglob("*escaped*"))  # noqa: ASYNC240 (nothing else runs)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_a_name_and_nothing_else(name: str) -> None:
    """No path, no character that turns or hides, nothing that a shell or a header would take for its own."""
    email = normalize(mail_with((name, "application/octet-stream", b"x")))
    assert isinstance(email, NormalizedEmail)
    found = email.attachments[0].name
    assert 0 < len(found) <= 120
    assert not set(found) & set('/\\:*?"<>|%\r\n\0')
    assert not found.startswith(".")
    assert not found.endswith((".", " "))
    assert not [one for one in found if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}]


async def test_each_is_served_as_a_download_of_no_type(tmp_path: Path) -> None:
    """With exact headers, whatever it says that it is; the bytes are the bytes that came."""
    files = (*FILES, *((name, "text/html", f"<script>{n}</script>".encode()) for n, name in enumerate(NAMES)))
    async with house(tmp_path) as home, served(home):
        assert home.service.desk is not None
        mail_id = await home.receive_raw(mail_with(*files), mail_from=CUSTOMER)
        await home.settle()
        port = home.service.desk.getsockname()[1]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False) as client:
            await hosted(home)
            await client.get("/", params={"token": home.service.sessions.token})
            for n, (_, _, data) in enumerate(files):
                answer = await client.get(f"/mail/{mail_id}/file/{n}")
                assert (answer.status_code, answer.content) == (200, data)
                given = answer.headers
                assert given.get_list("content-type") == ["application/octet-stream"]
                assert given.get_list("x-content-type-options") == ["nosniff"]
                assert given.get_list("content-security-policy") == ["default-src 'none'; sandbox"]
                (disposition,) = given.get_list("content-disposition")
                assert disposition.startswith('attachment; filename="')
                assert disposition.count('"') == 2
                assert disposition.isascii()
                assert {key.lower() for key in given} <= HEADERS.keys() | OTHERS | {"content-disposition"}
            raw = await client.get(f"/mail/{mail_id}/raw")
            assert raw.headers.get_list("content-type") == ["application/octet-stream"]
            assert raw.headers.get_list("content-disposition") == [f'attachment; filename="{mail_id}.eml"']
