"""A throw-away PostgreSQL server from installed binaries: own folder, free loopback port, ended by its pid.

Rules:
- Made once for a test process; each test gets databases of its own, copied from a template at the newest schema.
- PostgreSQL does not run as root: there it runs as `postgres` or `nobody`.
- It keeps what it commits (fsync on): Postroom refuses a server that does not.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

from agent.store.database import Database
from agent.store.migrate import migrate
from tests import scratch

MISSING = "PostgreSQL is not installed (initdb, postgres): apt-get install postgresql"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "jit": "off",
}
PASSWORD = "throw-away"  # for the role `secured`; everybody else is trusted


def binaries() -> Path | None:
    """The folder of the newest installed server; None where there is none."""

    def version(folder: str) -> float:
        return float(Path(folder).parent.name) if Path(folder).parent.name.replace(".", "").isdigit() else 0

    found = shutil.which("initdb")
    folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), key=version, reverse=True)
    if found:
        folders.insert(0, str(Path(found).resolve().parent))
    return next(
        (Path(one) for one in folders if (Path(one) / "initdb").exists() and (Path(one) / "postgres").exists()), None
    )


def _account() -> pwd.struct_passwd | None:
    """As whom the server runs; None for ourselves."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


class Server:
    """One running server."""

    def __init__(self, bin_folder: Path) -> None:
        self._bin = bin_folder
        self._account = _account()
        self.folder = Path(tempfile.mkdtemp(prefix="postroom-pg-", dir=scratch.root()))
        if self._account:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self._numbers = itertools.count(1)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        data = str(self.folder / "data")
        made = self._run("initdb", "-D", data, "-U", "postroom", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        assert made.wait(timeout=120) == 0, self.log()
        hba = self.folder / "data" / "pg_hba.conf"
        hba.write_text("host all secured 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
        self.start()
        self.execute(f"CREATE ROLE secured LOGIN SUPERUSER PASSWORD '{PASSWORD}'", "CREATE DATABASE template_postroom")
        asyncio.run(self._make_template())

    async def _make_template(self) -> None:
        database = Database(self.url("template_postroom"))
        await migrate(database)
        await database.close()

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(self._bin / program), *arguments]
        account = self._account
        with (self.folder / "log").open("ab") as out:
            return subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                cwd=self.folder,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def start(self) -> None:
        """Begin to answer, on the same port as before where there was one."""
        for _ in range(5):
            port = self.port or _free_port()
            options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
            self._process = self._run(
                "postgres", "-D", str(self.folder / "data"), "-k", str(self.folder), "-p", str(port), *options
            )
            if self._answers(port):
                self.port = port
                return
        raise RuntimeError(f"PostgreSQL does not start: {self.log()}")

    def _answers(self, port: int) -> bool:
        assert self._process is not None
        while self._process.poll() is None:
            try:
                psycopg.connect(host="127.0.0.1", port=port, user="postroom", dbname="postgres").close()
            except psycopg.OperationalError:
                try:
                    self._process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
            else:
                return True
        return False

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends its sessions and itself in order, SIGQUIT at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, *, user: str = "postroom") -> str:
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postroom", dbname="postgres", autocommit=True
        ) as connection:
            for statement in statements:
                connection.execute(statement)

    def create(self, *, empty: bool = False) -> str:
        """Make a database, at the newest schema or without any; gives its name."""
        name = f"t{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {'template1' if empty else 'template_postroom'}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
