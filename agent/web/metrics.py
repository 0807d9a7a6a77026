"""Figures for a monitoring system, in Prometheus' text form. They hold numbers, never a word of a mail.

| name | what |
|---|---|
| `postroom_mails` | mails, by status |
| `postroom_paused` | 1 while a pause holds sending back, by scope |
| `postroom_breaker` | 0 closed, 1 half open, 2 open: then every reply waits for a person |
| `postroom_suppressed` | addresses that get nothing any more |
| `postroom_canary_silent` | canaries that did not come in since one last did, by door: above 0 mail may not come in |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agent import canary
from agent.parts import Parts
from agent.states import MailStatus
from agent.store import mails, pauses, reputation, suppression

BREAKER = {"closed": 0, "half_open": 1, "open": 2}
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Figure:
    """One gauge: its name without `postroom_`, what it says, and a value for each label."""

    name: str
    about: str
    label: str
    values: dict[str, int]


def written(figures: Iterable[Figure]) -> Iterator[str]:
    for one in figures:
        yield f"# HELP postroom_{one.name} {one.about}\n# TYPE postroom_{one.name} gauge\n"
        for of, value in one.values.items():
            escaped = of.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            label = f'{{{one.label}="{escaped}"}}' if one.label else ""
            yield f"postroom_{one.name}{label} {value}\n"


class Metrics:
    """`/metrics` of one Postroom."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def show(self, _request: Request) -> Response:
        tenant = self._parts.config.postroom.tenant_id
        async with self._parts.database.read() as tx:
            counted = await mails.counts(tx)
            paused = await pauses.all_(tx)
            known = await reputation.get_breaker(tx, tenant)
            suppressed = await suppression.count(tx, tenant)
        silent = {one.canary.door: len(one.silent) for one in await canary.states(self._parts)}
        figures = (
            Figure("mails", "Mails by status.", "status", {one.value: counted.get(one, 0) for one in MailStatus}),
            Figure("paused", "1 while a pause holds sending back.", "scope", {one.scope: 1 for one in paused}),
            Figure("breaker", "0 closed, 1 half open, 2 open.", "", {"": BREAKER[known.state if known else "closed"]}),
            Figure("suppressed", "Addresses that get nothing any more.", "", {"": suppressed}),
            Figure("canary_silent", "Canaries that did not come in since one last did.", "door", silent),
        )
        return PlainTextResponse("".join(written(figures)), media_type=MEDIA)
