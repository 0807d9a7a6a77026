"""Numbers: what came, what went and how quick, of all mailboxes or of one, as a drawing, a table and CSV.

Rules:
- Who was given some mailboxes sees the numbers of each of them, and no sums that hold others.
- The drawing is SVG made here: no script, nothing loaded.
- A cell of the CSV begins with a digit or is empty: no spreadsheet takes it for a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from agent import canary
from agent.parts import Parts
from agent.store import figures, outcomes, pauses, reputation
from agent.store.database import Tx
from agent.store.figures import Day
from agent.web.page import Pages, somebody
from agent.words import instant

SPANS = (7, 30, 90)
EACH = ("Received", "Answered unseen", "Decided by people", "Time to an answer", "Edited", "Waiting now")
WIDTH, HEIGHT, GAP = 960, 140, 4
COLUMNS = (
    *("day", "received", "answered_unseen", "approved", "edited", "rejected", "sent"),
    *("median_minutes_to_answer", "edit_rate", "input_tokens", "output_tokens", "cost"),
)
TITLES = (
    *("Day (UTC)", "Received", "Unseen", "Approved", "Edited", "Rejected", "Sent"),
    *("Minutes to answer (median)", "Edit rate", "Tokens in", "Tokens out", "Cost"),
)


def row_of(day: Day, cost: float = 0.0) -> list[str]:
    """In the order of `COLUMNS`; what is not known is empty."""
    minutes, rate = day.median_minutes, day.edit_rate
    return [
        day.begins.date().isoformat(),
        *(str(one) for one in (day.received, day.unseen, day.approved, day.edited, day.rejected, len(day.seconds))),
        "" if minutes is None else f"{minutes:.1f}",
        "" if rate is None else f"{rate:.3f}",
        str(day.input_tokens),
        str(day.output_tokens),
        f"{cost:.4f}",
    ]


def bars(days: Sequence[Day]) -> list[dict[str, Any]]:
    """Where each day's bars stand: received behind, answered unseen in front."""
    most = max([1, *(day.received for day in days)])
    wide = WIDTH / max(1, len(days))

    def tall(number: int) -> float:
        return round(HEIGHT * min(number, most) / most, 1)

    return [
        {
            "x": round(n * wide, 1),
            "width": round(max(1.0, wide - GAP), 1),
            "received": tall(day.received),
            "unseen": tall(day.unseen),
            "day": f"{day.begins:%d %b}",
            "told": f"{day.begins.date()}: {day.received} received, {day.unseen} answered unseen",
        }
        for n, day in enumerate(days)
    ]


class NumbersPage:
    """The page and its CSV."""

    def __init__(self, parts: Parts, pages: Pages) -> None:
        self._parts = parts
        self._pages = pages

    async def show(self, request: Request) -> Response:
        asked = request.query_params.get("days", "7")
        if asked not in {str(span) for span in SPANS}:
            return self._pages.note(request, "No such time", "Numbers are shown for 7, 30 or 90 days.", 404)
        now, parts, one = self._parts.now(), self._parts, somebody(request)
        theirs = [each.address for each in parts.config.mailboxes if one.sees(each.address)]
        mailbox = request.query_params.get("mailbox", "" if one.sees_all or not theirs else theirs[0])
        if mailbox not in theirs and not (one.sees_all and not mailbox):
            return self._pages.note(request, "Not found", "There is no such mailbox among yours.", 404)
        async with parts.database.read() as tx:
            days = await figures.days(tx, now=now, count=int(asked), mailbox=mailbox)
            rows = [row_of(day, self._cost([day])) for day in reversed(days)]
            if request.url.path.endswith(".csv"):
                return _csv(rows)
            since = days[0].begins
            reports = await reputation.reports_since(tx, parts.config.postroom.tenant_id, since, mailbox)
            values: dict[str, Any] = {
                "standing": await figures.standing(tx, mailbox),
                "bands": await outcomes.by_confidence(tx, since, mailbox),
                "last": await figures.last_received(tx, mailbox),
                "paused": await pauses.all_(tx),
                "each": [] if mailbox else [(name, await _of(tx, name, days)) for name in theirs],
            }
        return self._pages.show(
            "numbers.html",
            request,
            **values,
            tiles=tiles(days, reports, self._cost(days)),
            doors=await self._doors(mailbox),
            mailbox=mailbox,
            query=f"&{urlencode({'mailbox': mailbox})}" if mailbox else "",
            rows=rows,
            titles=TITLES,
            each_titles=EACH,
            bars=bars(days),
            days=days,
            spans=SPANS,
            chosen=int(asked),
            size=(WIDTH, HEIGHT),
            now=now,
        )

    def _cost(self, days: Sequence[Day]) -> float:
        """By the prices of the configuration."""
        model = self._parts.config.model
        sent, written = sum(day.input_tokens for day in days), sum(day.output_tokens for day in days)
        return (sent * model.price_input + written * model.price_output) / 1_000_000

    async def _doors(self, mailbox: str) -> list[tuple[str, bool, str]]:
        """How each canary stands: its way, whether it sings, and what is known."""
        found = []
        for one in await canary.states(self._parts):
            if mailbox not in {"", one.canary.to}:
                continue
            heard = f"last heard {instant(one.heard)}" if one.heard else "not heard yet"
            silent = f"; {len(one.silent)} did not come in" if one.silent else ""
            found.append((f"{one.canary.door} to {one.canary.to}", not one.silent, heard + silent))
        return found


async def _of(tx: Tx, mailbox: str, days: Sequence[Day]) -> list[str]:
    """A mailbox's figures of the whole time, in the order of `EACH`."""
    found = await figures.of_days(tx, days[0].begins, len(days), mailbox=mailbox)
    waits = sum((await figures.standing(tx, mailbox)).values())
    told = {title: figure for title, figure, _ in tiles([found], {}, 0.0)}
    return [*(told[title] for title in EACH[:-1]), str(waits)]


def tiles(days: Sequence[Day], reports: Mapping[str, int], cost: float) -> list[tuple[str, str, str]]:
    """The figures of the whole time: a title, the figure, and what it is of."""
    received, unseen = sum(day.received for day in days), sum(day.unseen for day in days)
    approved, edited = sum(day.approved for day in days), sum(day.edited for day in days)
    decided = approved + edited + sum(day.rejected for day in days)
    seconds = sorted(one for day in days for one in day.seconds)
    sent, middle = len(seconds), seconds[len(seconds) // 2] / 60 if seconds else None
    return [
        ("Received", str(received), ""),
        ("Answered unseen", str(unseen), _share(unseen, received, "of what came")),
        ("Decided by people", str(decided), ""),
        ("Time to an answer", "-" if middle is None else _spoken(middle), "median"),
        ("Edited", _rate(edited, decided), "of what people decided"),
        ("Bounced", _rate(reports.get("bounced", 0), sent), f"of {sent} sent"),
        ("Complained of", _rate(reports.get("complained", 0), sent), f"of {sent} sent"),
        ("Models", f"{cost:.2f}", "by your prices"),
    ]


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _share(part: int, whole: int, words: str) -> str:
    return f"{100 * part / whole:.0f} % {words}" if whole else words


def _spoken(minutes: float) -> str:
    if minutes < 1:
        return "< 1 min"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _csv(rows: Sequence[Sequence[str]]) -> Response:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(reversed(rows))
    headers = {"Content-Disposition": 'attachment; filename="postroom-numbers.csv"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)
