"""What people decide at the desk, each a POST: on drafts, on mails, and on the switch.

Rules:
- The guard has checked session and form token before any of this is called.
- The first decision wins; who comes second is told who was first.
- What passes over a rule needs a reason; what only a person was asked for does not.
- An approval stays for `[desk] undo_seconds` before it leaves; until its first attempt it can be taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent import approval, breaker, by_hand, closing, entries, handling, passing_on, spam, switch, undo, verdicts
from agent.additions import NOTHING_ADDED, Added, Brought, bring
from agent.approval import Decided, NotDecided
from agent.parts import Parts
from agent.policy import Judgement, to_justify
from agent.store import drafts
from agent.store.drafts import Draft
from agent.web.page import Pages, actor

REASON = 500
"""Characters of a decision's reason that are kept."""
_UNKNOWN = NotDecided("")


def _field(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()


def _lines(form: FormData, name: str) -> str:
    return str(form.get(name, "")).replace("\r\n", "\n")


def _wanted(form: FormData) -> entries.Wanted:
    return entries.Wanted(
        name=_field(form, "name"),
        intent=_field(form, "intent"),
        triggers=_lines(form, "triggers"),
        examples=_lines(form, "examples"),
        body=_lines(form, "body"),
    )


async def _brought(form: FormData, had: Added = NOTHING_ADDED) -> Brought | str:
    """Copies and files as the form has them: new ones, and those of `had` that it does not take away."""
    if "cc" not in form:
        return Brought(had)
    files = [one for one in form.getlist("files") if isinstance(one, UploadFile) and one.filename]
    given = [(one.filename or "", await one.read()) for one in files]
    dropped = set(form.getlist("drop"))
    return bring(_field(form, "cc"), given, [one for one in had.files if one.sha256 not in dropped])


def overrules(draft: Draft) -> bool:
    """Whether approving this draft passes over a rule, so that it needs a reason."""
    judgement = Judgement.model_validate(draft.judgement)
    return judgement.policy.decision == "review" and bool(to_justify(judgement, own_words=draft.origin == "person"))


class Actions:
    """The decisions of one Postroom's desk."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def mail(self, request: Request, form: FormData) -> Response:
        mail_id, verb = request.path_params["id"], request.path_params["verb"]
        if verb == "close" and not _field(form, "reason"):
            return self._pages.note(request, "Nothing was decided", "Closing needs a reason.", 400, f"/mail/{mail_id}")
        done = await self._on_mail(mail_id, verb, form, actor(request))
        if done is _UNKNOWN:
            return self._pages.note(request, "Not found", "There is no such decision.", 404)
        if isinstance(done, NotDecided):
            title = "Somebody was first" if done.taken else "Nothing was decided"
            return self._pages.note(request, title, done.reason, 409, f"/mail/{mail_id}")
        if done.note:
            return self._pages.note(request, "It is done", done.note, 200, f"/mail/{mail_id}")
        return RedirectResponse(f"/mail/{mail_id}", 303)

    async def _on_mail(self, mail_id: str, verb: str, form: FormData, by: str) -> Decided | NotDecided:
        parts, word, seen, text = self._parts, _field(form, "word"), _field(form, "seen"), _lines(form, "text")
        verbs: dict[str, Callable[[], Coroutine[Any, Any, Decided | NotDecided]]] = {
            "close": lambda: closing.close(parts, mail_id, by=by, reason=_field(form, "reason")[:REASON]),
            "spam": lambda: spam.spam(parts, mail_id, by=by),
            "ham": lambda: spam.not_spam(parts, mail_id, by=by),
            "retry": lambda: closing.retry(parts, mail_id, by=by),
            "assign": lambda: handling.assign(parts, mail_id, word, by=by, seen=seen),
            "team": lambda: handling.give(parts, mail_id, word, by=by),
            "rank": lambda: handling.rank(parts, mail_id, word, by=by),
            "snooze": lambda: handling.snooze(parts, mail_id, word, by=by),
            "tag": lambda: handling.tag(parts, mail_id, word, by=by),
            "untag": lambda: handling.untag(parts, mail_id, word, by=by),
            "note": lambda: handling.note(parts, mail_id, text, by=by),
            "write": lambda: self._write(mail_id, form, by),
            "forward": lambda: passing_on.pass_on(parts, mail_id, word, by=by, words=text),
            "entry": lambda: entries.save(parts, mail_id, _wanted(form), by=by),
        }
        return await verbs[verb]() if verb in verbs else _UNKNOWN

    async def _write(self, mail_id: str, form: FormData, by: str) -> Decided | NotDecided:
        brought = await _brought(form)
        if isinstance(brought, str):
            return NotDecided(brought)
        subject, body = _field(form, "subject"), _lines(form, "body")
        return await by_hand.write(self._parts, mail_id, by=by, subject=subject, plain_text=body, brought=brought)

    async def draft(self, request: Request, form: FormData) -> Response:
        draft_id, verb = request.path_params["id"], request.path_params["verb"]
        reason = _field(form, "reason")[:REASON]
        if verb == "reject" and not reason:
            text = "A rejection needs a reason."
            return self._pages.note(request, "Nothing was decided", text, 400, f"/mail/{draft_id}")
        done = await self._on_draft(draft_id, verb, form, reason, actor(request))
        if done is _UNKNOWN:
            return self._pages.note(request, "Not found", "There is no such decision.", 404)
        if isinstance(done, NotDecided):
            title = "Somebody was first" if done.taken else "Nothing was decided"
            return self._pages.note(request, title, done.reason, 409, f"/mail/{draft_id}")
        async with self._parts.database.read() as tx:
            draft = await drafts.get(tx, done.id)
        return RedirectResponse(f"/mail/{draft.mail_id}" if draft else "/", 303)

    async def _on_draft(self, draft_id: str, verb: str, form: FormData, reason: str, by: str) -> Decided | NotDecided:
        parts = self._parts
        match verb:
            case "approve":
                return await self._approve(draft_id, form, reason, by)
            case "undo":
                return await undo.undo(parts, draft_id, by=by)
            case "reject":
                return await approval.reject(parts, draft_id, by=by, reason=reason)
            case "edit":
                return await self._edit(draft_id, form, by)
            case "right" | "wrong":
                return await verdicts.say(parts, draft_id, good=verb == "right", by=by, reason=reason)
        return _UNKNOWN

    async def _approve(self, draft_id: str, form: FormData, reason: str, by: str) -> Decided | NotDecided:
        """Send the stored text. What was changed on the page is saved instead, to be looked at and approved."""
        parts, seen = self._parts, str(form.get("seen", ""))
        async with parts.database.read() as tx:
            draft = await drafts.get(tx, draft_id)
        if draft is not None and "body" in form and draft.approval_hash == seen:
            words = (str(form.get("subject", "")), _lines(form, "body"))
            brought = await _brought(form, draft.added)
            same = not isinstance(brought, str) and brought.added == draft.added
            if words != (draft.proposal.subject, draft.proposal.plain_text) or not same:
                return await self._edit(draft_id, form, by)
        hold = timedelta(seconds=parts.config.desk.undo_seconds)
        return await approval.approve(parts, draft_id, by=by, seen_hash=seen, reason=reason, hold=hold)

    async def _edit(self, draft_id: str, form: FormData, by: str) -> Decided | NotDecided:
        """Save a person's version, with what they put to it and took away."""
        parts, seen = self._parts, str(form.get("seen", ""))
        async with parts.database.read() as tx:
            draft = await drafts.get(tx, draft_id)
        brought = await _brought(form, draft.added if draft else NOTHING_ADDED)
        if isinstance(brought, str):
            return NotDecided(brought)
        subject, body = str(form.get("subject", "")), _lines(form, "body")
        return await approval.edit(
            parts, draft_id, by=by, subject=subject, plain_text=body, seen_hash=seen, brought=brought
        )

    async def pause(self, request: Request, form: FormData) -> Response:
        """One mailbox, or all where none is named."""
        await switch.pause(self._parts, _field(form, "mailbox"), by=actor(request))
        return RedirectResponse("/", 303)

    async def resume(self, request: Request, form: FormData) -> Response:
        await switch.resume(self._parts, _field(form, "mailbox"), by=actor(request))
        return RedirectResponse("/", 303)

    async def close_breaker(self, request: Request, _form: FormData) -> Response:
        await breaker.close(self._parts, by=actor(request))
        return RedirectResponse("/", 303)
