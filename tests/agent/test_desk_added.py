"""Copies and files at the desk: put to an answer and to a draft, looked at, taken away; over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.additions import LARGEST
from agent.states import MailStatus
from outbound.compose import Inspected, inspect
from tests.agent.desk_visitor import Form, Visitor, visiting
from tests.agent.postroom import CUSTOMER

BO = "bo@partner.example"
OFFER = ("offer.pdf", b"%PDF-1.7 <script>", "text/html")


@pytest.fixture
async def visitor(tmp_path: Path) -> AsyncIterator[Visitor]:
    async with visiting(tmp_path) as one:
        yield one


async def sent(visitor: Visitor, form: Form, *files: tuple[str, bytes, str], **changes: str) -> int:
    """Post a form as a browser does that has files to choose: also where none was chosen."""
    chosen = [("files", one) for one in files] or [("files", ("", b"", "application/octet-stream"))]
    answer = await visitor.client.post(form.action, data={**form.fields, **changes}, files=chosen)
    return answer.status_code


async def test_an_answer_with_a_copy_and_a_file(visitor: Visitor) -> None:
    """Written, shown with what goes along, approved with a reason; it leaves once, to both."""
    mail_id = await visitor.home.receive("Our cat likes your rake a lot, what do you say?")
    await visitor.home.settle()
    form = (await visitor.page(f"/mail/{mail_id}")).form("write")
    assert await sent(visitor, form, OFFER, body="Lovely.\n", cc=BO) == 303
    page = await visitor.page(f"/mail/{mail_id}")
    assert page.wrong == []
    assert f"a copy to {BO}; offer.pdf (17 bytes)" in page.text
    draft = await visitor.home.waiting(mail_id)
    file = await visitor.client.get(f"/drafts/{draft.id}/file/0")
    assert (file.content, file.headers["content-type"]) == (OFFER[1], "application/octet-stream")
    assert file.headers["content-disposition"].startswith('attachment; filename="offer.pdf"')
    assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert (await visitor.client.get(f"/drafts/{draft.id}/file/1")).status_code == 404
    assert await sent(visitor, page.form("approve")) == 409
    assert await sent(visitor, page.form("approve"), reason="they sell with us") == 303
    await visitor.home.settle()
    (raw,) = visitor.home.replies()
    found = inspect(raw)
    assert isinstance(found, Inspected)
    assert (found.to_address, found.copies) == (CUSTOMER, (BO,))
    assert [(one.name, one.data) for one in found.files] == [OFFER[:2]]
    assert (await visitor.home.mail(mail_id)).status is MailStatus.ANSWERED


async def test_what_is_put_to_a_draft_is_saved_and_looked_at_before_it_leaves(visitor: Visitor) -> None:
    """Also by the button that approves: who adds something sees it once more; what stays untouched stays."""
    mail_id = await visitor.drafted()
    form = (await visitor.page(f"/mail/{mail_id}")).form("approve")
    assert await sent(visitor, form, OFFER, cc=BO, reason="x") == 303
    await visitor.home.settle()
    assert visitor.home.replies() == []
    draft = await visitor.home.waiting(mail_id)
    assert (draft.origin, draft.added.copies, len(draft.added.files)) == ("person", (BO,), 1)
    form = (await visitor.page(f"/mail/{mail_id}")).form("edit")
    assert await sent(visitor, form, cc="") == 303
    kept = await visitor.home.waiting(mail_id)
    assert (kept.added.copies, kept.added.files) == ((), draft.added.files)
    form = (await visitor.page(f"/mail/{mail_id}")).form("edit")
    assert await sent(visitor, form, drop=kept.added.files[0].sha256) == 303
    assert not (await visitor.home.waiting(mail_id)).added


@pytest.mark.parametrize(
    ("files", "changes", "status"),
    [
        ((), {"cc": "Bo <bo@x.example>"}, 409),
        ((OFFER,) * 21, {}, 400),
        ((("big.bin", b"x" * (LARGEST + 1), "text/plain"),), {}, 409),
        ((("big.bin", b"x" * (LARGEST + 1_500_000), "text/plain"),), {}, 413),
        ((OFFER,), {"form_token": "another"}, 403),
    ],
)
async def test_what_cannot_be_put_to_an_answer_changes_nothing(
    visitor: Visitor, files: tuple[tuple[str, bytes, str], ...], changes: dict[str, str], status: int
) -> None:
    mail_id = await visitor.home.receive("Our cat likes your rake a lot, what do you say?")
    await visitor.home.settle()
    form = (await visitor.page(f"/mail/{mail_id}")).form("write")
    assert await sent(visitor, form, *files, body="Lovely.\n", **changes) == status
    assert await visitor.home.drafts(mail_id) == []


async def test_files_are_taken_from_no_other_form(visitor: Visitor) -> None:
    """A note, a search or a log-in brings none."""
    answer = await visitor.client.post("/pause", data={"mailbox": ""}, files=[("files", OFFER)])
    assert answer.status_code == 400
    assert (await visitor.client.post("/login", content=b"x" * 1_400_000)).status_code == 413
