"""A terminal for tests: commands on a house's folder, in the test's own process."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from typer.testing import CliRunner, Result

from agent.cli import app
from outbound.contracts import Courier
from tests.agent.postroom import HERE, HOURS, SALES, SUPPORT, House, house
from tests.agent.stores import STORES

T = TypeVar("T")


@dataclass
class Terminal:
    """A folder with a configuration like that of the tests' house, and what commands say there."""

    folder: Path

    def __post_init__(self) -> None:
        shared = f'name = "Larkspur"\nplaybook = "{HERE / "playbook"}"\nauto_send = true\n'
        store = f'[store]\nurl = "{STORES.url(self.folder)}"\n'
        links = 'allowed_links = ["https://larkspur.example/"]\n'
        (self.folder / "config.toml").write_text(
            f'[postroom]\ntenant_id = "test"\ndata_dir = "."\n{store}[courier]\npath = "replies"\n'
            f'[[mailbox]]\naddress = "{SUPPORT}"\naliases = ["help@larkspur.example"]\n{shared}{links}'
            f'[[mailbox]]\naddress = "{SALES}"\n{shared}{links}'
        )

    def ended(self, *words: str, **environ: str) -> Result:
        """How the command ended, and what it said on either stream."""
        given = {"VISUAL": None, "EDITOR": None, "COLUMNS": "200", "TMPDIR": str(self.folder), **environ}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", None)  # TMPDIR is looked at anew
            return CliRunner().invoke(app, [*words, "--config", str(self.folder / "config.toml")], env=given)

    def run(self, *words: str, code: int = 0, **environ: str) -> str:
        """What the command printed; for a code other than 0 its one line on standard error."""
        ended = self.ended(*words, **environ)
        out, err = ended.stdout, ended.stderr
        assert isinstance(ended.exception, SystemExit | None), ended.exc_info
        assert ended.exit_code == code, out + err
        if code == 0:
            assert err == ""
            return out
        assert err.endswith("\n")
        assert err.count("\n") == 1
        return err

    def at_home(self, work: Callable[[House], Awaitable[T]], courier: Courier | None = None) -> T:
        """Do something in the house, which is closed again when commands run."""

        async def whole() -> T:
            async with house(self.folder, courier=courier) as home:
                home.clock.time = datetime.now(UTC)  # commands have no other clock
                return await work(home)

        return asyncio.run(whole())

    def receive(self, text: str = HOURS, *, signed: bool = False, **more: str) -> str:
        async def work(home: House) -> str:
            mail_id = await home.receive(text, signed=signed, **more)  # type: ignore[arg-type]  # names as texts
            await home.settle()
            return mail_id

        return self.at_home(work)

    def editor(self, script: str) -> str:
        path = self.folder / "editor.py"
        path.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{script}\n")
        return f"'{sys.executable}' '{path}'"
