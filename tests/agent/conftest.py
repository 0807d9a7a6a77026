"""The databases of tests: `both_databases` runs a test on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agent.nursery import Nursery
from tests.agent.postgres import MISSING, Server, binaries
from tests.agent.stores import STORES, Stores
from tests.secrecy import HUNT


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The throw-away server of this test process."""
    found = binaries()
    if found is None:
        pytest.skip(MISSING)
    server = Server(found)
    yield server
    HUNT.folders(server.folder)
    server.close()


def _stores(request: pytest.FixtureRequest, kind: str) -> Iterator[Stores]:
    STORES.use(request.getfixturevalue("postgres_server") if kind == "postgresql" else None)
    yield STORES
    STORES.forget()


@pytest.fixture(params=["sqlite", "postgresql"])
def both_databases(request: pytest.FixtureRequest) -> Iterator[Stores]:
    yield from _stores(request, request.param)


@pytest.fixture
def on_postgresql(request: pytest.FixtureRequest) -> Iterator[Stores]:
    yield from _stores(request, "postgresql")


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Makes processes that are killed."""
    found = Nursery()
    yield found
    found.close()
