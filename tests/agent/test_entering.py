"""To log in at the desk: passwords, codes by time, throttling, and when a session ends."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Literal

import pytest
import segno
from argon2 import PasswordHasher
from sqlalchemy import select

from agent import people, totp
from agent.passwords import Passwords, too_weak
from agent.store import people as store
from agent.store import trail
from agent.store.people import PersonRole
from agent.store.people_tables import desk_session
from agent.store.people_tables import person as person_table
from agent.web import qr
from agent.web.doorway import path_here
from agent.web.session import COOKIE
from tests.agent.desk_visitor import Form, Visitor, visiting
from tests.agent.newcomers import (
    CHEAP,
    PASSWORD,
    browser_of,
    cheaply,
    form_of,
    form_token,
    log_in,
    log_out,
    person,
    read,
)

RFC_SECRET = b"12345678901234567890"


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    with cheaply():
        async with visiting(tmp_path, inside=False) as one:
            yield one


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    """RFC 6238, appendix B, for SHA-1."""
    assert totp.code_of(RFC_SECRET, seconds // totp.PERIOD, digits=8) == code


def test_a_sealed_secret_is_of_one_person_and_one_installation() -> None:
    """Moved to another row, or under another key, it opens nothing."""
    sealed = totp.seal(b"k" * 32, "p-1", RFC_SECRET)
    assert RFC_SECRET not in sealed.encode()
    assert totp.unseal(b"k" * 32, "p-1", sealed) == RFC_SECRET
    assert totp.unseal(b"k" * 32, "p-2", sealed) is None
    assert totp.unseal(b"x" * 32, "p-1", sealed) is None


async def test_passwords_cost_what_argon2id_asks_and_grow_with_it() -> None:
    """Today's parameters for a new hash; an old one is right and made anew; nobody's is never right."""
    passwords = Passwords()
    old = await passwords.check(CHEAP.hash(PASSWORD), PASSWORD)
    assert old.right
    assert old.anew.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (await passwords.check(old.anew, PASSWORD)).anew == ""
    assert not (await passwords.check(old.anew, PASSWORD + "x")).right
    for stored in ("", "not a hash"):
        assert not (await passwords.check(stored, PASSWORD)).right


async def test_nobody_costs_a_whole_hash() -> None:
    """An unknown name is held against a hash of the same cost, so that time does not tell it from a known one."""
    held: list[str] = []

    class Noting(PasswordHasher):
        def verify(self, *given: str | bytes) -> Literal[True]:
            held.append(str(given[0]))
            return super().verify(*given)

    passwords = Passwords(Noting(time_cost=2, memory_cost=64, parallelism=1))
    await passwords.check("", PASSWORD)
    assert len(held) == 1
    assert held[0].startswith("$argon2id$v=19$m=64,t=2,p=1$")


@pytest.mark.parametrize("password", ["short", "x" * 201, "aaaaaaaaaaaaaaaa", "rita-1234567"])
def test_weak_passwords_are_told_why(password: str) -> None:
    """Short, endless, one letter, the name."""
    assert too_weak(password, "rita")
    assert too_weak(PASSWORD, "rita") == ""


@pytest.mark.usefixtures("both_databases")
async def test_one_answer_for_whatever_is_wrong(visitor: Visitor) -> None:
    """Unknown name, wrong password, missing code, disabled: the same words, and no session."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    gone = await person(visitor, "gone", PersonRole.REVIEWER)
    await people.disable(visitor.home.parts, gone.name, by="test")
    answers = [
        await log_in(visitor, "nobody"),
        await log_in(visitor, "rita", "another password"),
        await log_in(visitor, "gone"),
        await log_in(visitor, "\u00e9\0"),
    ]
    told = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert ({answer.status_code for answer in answers}, len(told)) == ({403}, 1)
    assert COOKIE not in visitor.client.cookies
    assert (await log_in(visitor, "RITA")).status_code == 303  # by name without case
    async with visitor.home.parts.database.read() as tx:
        assert [one.actor for one in await trail.chain_of(tx, "system") if one.event == "logged_in"] == ["rita"]


@pytest.mark.usefixtures("both_databases")
async def test_attempts_are_throttled_for_the_account_and_the_address(visitor: Visitor) -> None:
    """Also with the right password, by whatever browser, and after a restart: it is in the database."""
    desk = visitor.home.parts.config.desk
    await person(visitor, "rita", PersonRole.REVIEWER)
    await person(visitor, "paul", PersonRole.REVIEWER)
    for _ in range(desk.attempts_burst):
        assert (await log_in(visitor, "rita", "wrong")).status_code == 403
    async with browser_of(visitor) as other:
        throttled = await log_in(other, "rita")
        assert throttled.status_code == 429
        assert "Try again in 2 minutes" in throttled.text
        assert (await log_in(other, "paul")).status_code == 303  # another account is not held up
    visitor.home.clock.advance(seconds=121)
    assert (await log_in(visitor, "rita")).status_code == 303
    async with browser_of(visitor) as other:
        assert (await log_in(other, "rita", "wrong")).status_code == 403  # what succeeded counts no more
        statuses = [(await log_in(other, f"name{n}", "wrong")).status_code for n in range(10 * desk.attempts_burst)]
    assert (statuses[0], statuses[-1]) == (403, 429)  # many names from one address


def scanned(page: str) -> set[tuple[int, int]]:
    """The dark modules of the page's drawing, without the light that has to be around them."""
    ((size, path),) = re.findall(r'class="qr"[^>]* viewBox="0 0 (\d+) \d+".*?<path d="([^"]+)"', page)
    pieces = [tuple(map(int, one)) for one in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path)]
    dark = {(x + n - qr.QUIET, y - qr.QUIET) for x, y, wide in pieces for n in range(wide)}
    assert {max(x for x, _ in dark), max(y for _, y in dark)} == {int(size) - 2 * qr.QUIET - 1}
    return dark


def matrix(address: str) -> set[tuple[int, int]]:
    code = segno.make(address, error="m", micro=False)
    return {(x, y) for y, row in enumerate(code.matrix) for x, module in enumerate(row) if module}


async def codes_on(at: Visitor) -> tuple[bytes, list[str]]:
    """Set codes up as a person does, by the text or the picture; gives the secret and the recovery codes."""
    answer = await at.post((await at.page("/me")).form("codes"))
    assert scanned(answer.text) == matrix(unescape(re.findall(r"otpauth://[^<]+", answer.text)[0]))
    wrong = await at.post(form_of(answer, "/me/codes/confirm"), code="000000x")
    assert wrong.status_code == 400
    answer = await at.post((await at.page("/me")).form("codes"))
    (spelled,) = re.findall(r'id="secret">([A-Z2-7 ]+)<', answer.text)
    secret = base64.b32decode(spelled.replace(" ", ""))
    now = at.home.clock()
    answer = await at.post(
        form_of(answer, "/me/codes/confirm"), code=totp.code_of(secret, int(now.timestamp()) // totp.PERIOD)
    )
    return secret, re.findall(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", answer.text)


@pytest.mark.usefixtures("both_databases")
async def test_a_code_opens_once(visitor: Visitor) -> None:
    """Beside the password; not again within its half minute, not an older one; a recovery code opens once as well."""
    one = await person(visitor, "rita", PersonRole.REVIEWER)
    await log_in(visitor, "rita")
    before = visitor.client.cookies[COOKIE]
    secret, recovery = await codes_on(visitor)
    assert len(recovery) == totp.RECOVERY_CODES
    assert visitor.client.cookies[COOKIE] != before  # a new session for what may more now
    clock = visitor.home.clock

    def code() -> str:
        return totp.code_of(secret, int(clock().timestamp()) // totp.PERIOD)

    async with browser_of(visitor) as at:
        assert (await log_in(at, "rita")).status_code == 403
        assert (await log_in(at, "rita", code=code())).status_code == 403  # it was used to set codes up
        clock.advance(seconds=30)
        used = code()
        assert (await log_in(at, "rita", code=f"{used[:3]} {used[3:]}")).status_code == 303
    async with browser_of(visitor) as at:
        assert (await log_in(at, "rita", code=used)).status_code == 403
        clock.advance(seconds=3600)
        assert (await log_in(at, "rita", code=used)).status_code == 403
        assert (await log_in(at, "rita", code=recovery[0].upper())).status_code == 303
    async with browser_of(visitor) as at:
        assert (await log_in(at, "rita", code=recovery[0])).status_code == 403
    async with visitor.home.parts.database.read() as tx:
        known = await store.get(tx, one.id)
        assert known is not None
        assert totp.spelled(secret) not in known.secret
        assert await store.codes_left(tx, one.id) == totp.RECOVERY_CODES - 1


@pytest.mark.usefixtures("both_databases")
async def test_a_session_rotates_and_ends(visitor: Visitor) -> None:
    """New at each log-in, never what a stranger set; over by rest and by age; stored as a digest."""
    parts, clock = visitor.home.parts, visitor.home.clock
    await person(visitor, "rita", PersonRole.REVIEWER)
    visitor.client.cookies.set(COOKIE, "chosen-by-somebody-else", domain="127.0.0.1")
    await log_in(visitor, "rita")
    tokens = [one.value for one in visitor.client.cookies.jar if one.name == COOKIE and one.value]
    assert tokens[-1] != "chosen-by-somebody-else"
    visitor.client.cookies.clear()
    visitor.client.cookies.set(COOKIE, tokens[-1] or "", domain="127.0.0.1")
    await visitor.page("/me")
    async with parts.database.read() as tx:
        stored = (await tx.execute(select(desk_session.c.digest))).scalars().all()
        kept = (await tx.execute(select(person_table.c.password))).scalars().all()
    assert tokens[-1] not in stored
    assert PASSWORD not in kept
    for _ in range(3):
        clock.advance(minutes=parts.config.desk.session_idle_minutes - 1)
        await visitor.page("/me")
    clock.advance(minutes=parts.config.desk.session_idle_minutes - 1)
    await visitor.client.get("/", headers={"HX-Request": "true"})  # a page that looks by itself
    clock.advance(minutes=2)
    assert (await visitor.client.get("/me")).status_code == 401
    visitor.client.cookies.clear()
    await log_in(visitor, "rita")
    for _ in range(parts.config.desk.session_days * 24 // 6):
        assert (await visitor.client.get("/me")).status_code == 200
        clock.advance(hours=6)
    assert (await visitor.client.get("/me")).status_code == 401


@pytest.mark.usefixtures("both_databases")
async def test_log_out_here_and_everywhere(visitor: Visitor) -> None:
    """The cookie opens nothing any more, also where somebody kept it."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    await log_in(visitor, "rita")
    async with browser_of(visitor) as second, browser_of(visitor) as kept:
        await log_in(second, "rita")
        kept.client.cookies.set(COOKIE, second.client.cookies[COOKIE], domain="127.0.0.1")
        await kept.page("/me")
        assert (await log_out(second)).headers["location"] == "/login"
        assert (await kept.client.get("/me")).status_code == 401
        await visitor.page("/me")
        await log_in(second, "rita")
        await log_out(second, everywhere=True)
        assert (await visitor.client.get("/me")).status_code == 401


@pytest.mark.usefixtures("both_databases")
async def test_a_changed_password_ends_the_other_sessions(visitor: Visitor) -> None:
    """It takes the present one; who changed it goes on with a new session."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    await log_in(visitor, "rita")
    async with browser_of(visitor) as other:
        await log_in(other, "rita")
        token = await form_token(visitor)
        new = "some other plain words"
        form = Form("/me/password", "post", {"form_token": token, "new": new, "again": new})
        assert (await visitor.post(form, password="wrong")).status_code == 400
        assert (await visitor.post(form, password=PASSWORD, again="x")).status_code == 400
        assert (await visitor.post(form, password=PASSWORD)).status_code == 200
        await visitor.page("/me")
        assert (await other.client.get("/me")).status_code == 401
        assert (await log_in(other, "rita")).status_code == 403
        assert (await log_in(other, "rita", new)).status_code == 303


async def test_a_log_in_ends_the_session_before(visitor: Visitor) -> None:
    """The browser's old cookie opens nothing any more."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    form = (await visitor.page("/login")).form("login")
    async with browser_of(visitor) as kept:
        await visitor.post(form, name="rita", password=PASSWORD)
        kept.client.cookies.set(COOKIE, visitor.client.cookies[COOKIE], domain="127.0.0.1")
        await kept.page("/me")
        await visitor.post(form, name="rita", password=PASSWORD)
        await visitor.page("/me")
        assert (await kept.client.get("/me")).status_code == 401


async def test_a_password_is_not_guessed_in_an_open_browser(visitor: Visitor) -> None:
    """What is asked for again is throttled as at the door; codes go away with the password alone."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    await log_in(visitor, "rita")
    await codes_on(visitor)
    off = (await visitor.page("/me")).form("off")
    for _ in range(visitor.home.parts.config.desk.attempts_burst):
        assert (await visitor.post(off, password="wrong")).status_code == 400
    assert (await visitor.post(off, password=PASSWORD)).status_code == 429
    visitor.home.clock.advance(minutes=3)
    assert (await visitor.post(off, password=PASSWORD)).status_code == 200
    async with browser_of(visitor) as at:
        assert (await log_in(at, "rita")).status_code == 303


async def test_the_log_in_form_has_a_token_of_its_own(visitor: Visitor) -> None:
    """Nobody logs a browser in as somebody else from another page."""
    await person(visitor, "rita", PersonRole.REVIEWER)
    form = (await visitor.page("/login")).form("login")
    async with browser_of(visitor) as other:
        assert (await other.post(form, name="rita", password=PASSWORD)).status_code == 403
    form.fields["form_token"] = ""
    assert (await visitor.post(form, name="rita", password=PASSWORD)).status_code == 403


async def test_a_link_from_elsewhere_leads_to_the_page(visitor: Visitor) -> None:
    """A strict cookie is not sent with it: a page of ours goes on from there; who is not logged in sees the form."""
    mail_id = await visitor.drafted()
    answer = await visitor.client.get(f"/mail/{mail_id}", headers={"Sec-Fetch-Site": "cross-site"})
    assert f'http-equiv="refresh" content="0;url=/mail/{mail_id}"' in answer.text
    assert read(answer).forms == []
    form = form_of(await visitor.client.get(f"/mail/{mail_id}"), "/login")
    assert form.fields["there"] == f"/mail/{mail_id}"


@pytest.mark.parametrize("there", ["//evil.example/", "https://evil.example", "/\\evil.example", "x", "", "/a\nb"])
def test_one_goes_on_within_the_desk_alone(there: str) -> None:
    """Whatever the form says."""
    assert path_here(there) == "/"
    assert path_here("/mail/m-1") == "/mail/m-1"
