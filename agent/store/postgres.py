"""How a PostgreSQL server is reached.

Rules:
- READ COMMITTED, whatever the server's default is; `agent.store.locks` does the rest. Reading is one snapshot.
- A commit is on the server's disk: synchronous_commit is on, and a server that runs with fsync off is not used.
- Nobody waits for ever: a lost network is noticed in half a minute, a transaction whose process stopped is ended by
  the server after one, and with it its locks.
- Every question is for few rows: the server neither compiles it nor begins processes for it, which takes longer than
  the answer.
- A connection is tried before it is used, so that a server that was restarted is found again without a restart here.
- The password is handed to the driver and stands in no URL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agent.store.errors import MISSING_DRIVER, DatabaseError

IDLE_IN_TRANSACTION_SECONDS = 60
LOCK_SECONDS = 30
POOL_SECONDS = 30
OPTIONS = (
    f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s -c lock_timeout={LOCK_SECONDS}s "
    "-c synchronous_commit=on -c timezone=UTC -c jit=off -c max_parallel_workers_per_gather=0"
)
_ENDED = {"25P03", "57P01", "57P02", "57P03", "57P05"}
"""SQLSTATEs with which the server says that it ends the session: of these the library knows only some."""
_REACH: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "postroom",
}


def postgres_engine(url: str, *, password: str, pool_size: int) -> AsyncEngine:
    """An engine with at most `pool_size` connections. Raises DatabaseError where the driver is missing."""
    arguments = {**_REACH, "options": OPTIONS}
    arguments = {name: value for name, value in arguments.items() if name not in make_url(url).query}
    if password:
        arguments["password"] = password
    try:
        engine = create_async_engine(
            url,
            connect_args=arguments,
            isolation_level="READ COMMITTED",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except ImportError as error:
        raise DatabaseError(MISSING_DRIVER) from error

    @event.listens_for(engine.sync_engine, "connect")
    def prove(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        found = cursor.fetchone()
        cursor.close()
        connection.rollback()
        if found != ("on", "on"):
            raise DatabaseError(
                "the PostgreSQL server does not keep what it commits "
                f"(fsync is {found[0]}, synchronous_commit is {found[1]}); durable mail needs both on"
            )

    @event.listens_for(engine.sync_engine, "handle_error")
    def lost(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) in _ENDED:
            context.is_disconnect = True

    return engine


def listening_arguments(url: str, password: str) -> dict[str, Any]:
    """What the driver itself needs to connect beside the pool, for LISTEN."""
    parsed = make_url(url)
    found: dict[str, Any] = {**_REACH, **parsed.query, "autocommit": True}
    named = {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": password or None,
        "dbname": parsed.database,
    }
    return found | {name: value for name, value in named.items() if value}
