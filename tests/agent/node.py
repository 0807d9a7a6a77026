"""One of several processes on one database: `python -m tests.agent.node FOLDER [HOLD]`, with the real clock.

Runs door, worker and sender with short leases, says its door's port, and works until it is ended. HOLD is `model` or
`courier`: there it says so and stops itself (SIGSTOP), once, when it comes there first.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from agent import events
from agent.delivery import StoredOutbox
from agent.models.base import Model, ModelAnswer, ModelRequest
from agent.models.playbook import PlaybookModel
from agent.reputation_settings import ReputationSettings
from agent.roles import Role
from agent.serve import assemble, build, opened, running, stop_signal
from inbound.resolver import StaticZone
from tests.agent.postroom import configuration
from tests.agent.wire import Wire, stop_myself

LEASE_SECONDS = 2
MANY = 1_000_000


def say(**fact: object) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def hold() -> None:
    say(holds=True)
    stop_myself()


class Holding:
    """A model during whose first turn the process stops."""

    def __init__(self, inner: Model) -> None:
        self.name = inner.name
        self._inner = inner
        self._held = False

    async def respond(self, request: ModelRequest) -> ModelAnswer:
        if request.purpose != "extract" and not self._held:
            self._held = True
            hold()
        return await self._inner.respond(request)

    async def close(self) -> None:
        await self._inner.close()


async def live(folder: Path, held: str) -> None:
    caps = ("per_conversation", "per_sender", "per_domain", "per_mailbox", "total")
    config = configuration(
        folder,
        limits=dict.fromkeys(caps, MANY),
        reputation=ReputationSettings.unlimited(),
        worker={"lease_seconds": LEASE_SECONDS, "workers": 4},
    )
    zone = StaticZone(json.loads((folder / "zone.json").read_text()))
    stop = stop_signal()
    async with opened(config) as database:
        parts = build(config, database=database, resolver=zone)
        if held == "model":
            parts = replace(parts, model=Holding(PlaybookModel(parts.playbooks)))
        courier = Wire(folder, hold) if held == "courier" else Wire(folder)
        service = assemble(parts, courier, frozenset({Role.DOOR, Role.WORKER, Role.SENDER}))
        service.outbox = StoredOutbox(parts, timedelta(seconds=LEASE_SECONDS))
        async with running(service):
            say(port=service.door.port)
            await stop.wait()


if __name__ == "__main__":
    events.configure("info", "json")
    asyncio.run(live(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
