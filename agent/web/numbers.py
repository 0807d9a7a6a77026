"""Numbers: what came, what went and how quick, as a drawing, a table and CSV.

Rules:
- The drawing is SVG made here: no script, nothing loaded.
- A cell of the CSV begins with a digit or is empty: no spreadsheet takes it for a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.parts import Parts
from agent.store import figures, pauses
from agent.store.figures import Day
from agent.web.page import Pages

SPANS = (7, 30, 90)
WIDTH, HEIGHT, GAP = 720, 160, 2
COLUMNS = (
    *("day", "received", "answered_unseen", "approved", "edited", "rejected"),
    *("median_minutes_to_answer", "edit_rate", "input_tokens", "output_tokens"),
)


def row_of(day: Day) -> list[str]:
    """In the order of `COLUMNS`; what is not known is empty."""
    minutes, rate = day.median_minutes, day.edit_rate
    return [
        day.begins.date().isoformat(),
        *(str(one) for one in (day.received, day.unseen, day.approved, day.edited, day.rejected)),
        "" if minutes is None else f"{minutes:.1f}",
        "" if rate is None else f"{rate:.3f}",
        str(day.input_tokens),
        str(day.output_tokens),
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
        now = self._parts.now()
        async with self._parts.database.read() as tx:
            days = await figures.days(tx, now=now, count=int(asked))
            standing = await figures.standing(tx)
            paused = await pauses.all_(tx)
        if request.url.path.endswith(".csv"):
            return _csv(days)
        model = self._parts.config.model
        sent, written = sum(day.input_tokens for day in days), sum(day.output_tokens for day in days)
        return self._pages.show(
            "numbers.html",
            request,
            days=days,
            rows=[row_of(day) for day in reversed(days)],
            bars=bars(days),
            standing=standing,
            spans=SPANS,
            chosen=int(asked),
            cost=(sent * model.price_input + written * model.price_output) / 1_000_000,
            size=(WIDTH, HEIGHT),
            paused=paused,
            now=now,
        )


def _csv(days: Sequence[Day]) -> Response:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(row_of(day) for day in days)
    headers = {"Content-Disposition": 'attachment; filename="postroom-numbers.csv"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)
