"""The house's plan, enforced on every module of the three packages.

Each rule is a function over a module's tree, so that it is tried on wrong examples too: a rule that cannot fail says
nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("inbound", "agent", "outbound")
FILE_LINES, FUNCTION_LINES = 500, 80

ARROWS = {"inbound": {"agent", "outbound"}, "outbound": {"agent", "inbound"}}
"""What a leaf may not import."""
ONLY_IN = {
    "sqlalchemy": "agent/store/",
    "alembic": "agent/store/",
    "psycopg": "agent/store/",
    "openai": "agent/models/openai.py",
}
"""Libraries with one home."""
PURE = {"agent/policy.py", "agent/rules.py", "agent/content.py", "agent/gate.py"}
"""Decide without doing: from their imports no store, page or model can be reached by name."""
IMPURE = ("agent.store", "agent.web", "agent.models")
GENERATED = "agent/store/migrations/versions/"
"""Written once by alembic and never edited again: the length of a migration is that of the schema."""
SPEAKS = {
    "agent/check.py",
    "agent/cli.py",
    "agent/command_line.py",
    "agent/dkim_commands.py",
    "agent/doctor/examine.py",
    "agent/commands.py",
    "agent/demo.py",
    "agent/demo_report.py",
    "agent/serve.py",
}
"""The command line's own modules: their product is what stands on the terminal."""


@dataclass(frozen=True)
class Module:
    path: str
    """From the root, with slashes."""
    source: str

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)


def imports(module: Module) -> Iterator[str]:
    """Dotted names of all that is imported anywhere in a module, also within functions and by relative imports."""
    package = module.name if module.path.endswith("/__init__.py") else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                above = ".".join(package.split(".")[: len(package.split(".")) - level + 1]) if level else ""
                origin = ".".join(part for part in (above, name or "") if part)
                yield from (f"{origin}.{one.name}" for one in names)
            case ast.Call(func=ast.Name(id="__import__") | ast.Attribute(attr="import_module"), args=[first, *_]):
                yield first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else "?"


def within(name: str, *packages: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def wrong_arrows(module: Module) -> Iterator[str]:
    """The leaves import neither the hub nor each other."""
    forbidden = ARROWS.get(module.path.partition("/")[0], set())
    yield from (f"imports {name}" for name in imports(module) if name == "?" or within(name, *forbidden))


def strayed_libraries(module: Module) -> Iterator[str]:
    """A database or a vendor's client is known in one place."""
    for name in imports(module):
        home = ONLY_IN.get(name.partition(".")[0])
        if home is not None and not module.path.startswith(home):
            yield f"imports {name}, which belongs to {home}"


def impure_deciders(module: Module) -> Iterator[str]:
    """Policy and gate import no store, page or model."""
    if module.path in PURE:
        yield from (f"imports {name}" for name in imports(module) if within(name, *IMPURE, "sqlalchemy", "starlette"))


def missing_docstring(module: Module) -> Iterator[str]:
    """Every module says what it is."""
    if not (ast.get_docstring(module.tree) or "").strip():
        yield "has no docstring"


def too_long(module: Module) -> Iterator[str]:
    """What grows past the bounds holds two ideas."""
    if module.path.startswith(GENERATED):
        return
    if (lines := len(module.source.splitlines())) > FILE_LINES:
        yield f"has {lines} lines"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


def loose_talk(module: Module) -> Iterator[str]:
    """A service logs; the terminal belongs to the command line."""
    if module.path in SPEAKS:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id == "print":
            yield f"prints in line {node.lineno}"


def vague_name(module: Module) -> Iterator[str]:
    """A file is named after one noun of the domain."""
    if module.path.rpartition("/")[2] in {"utils.py", "helpers.py", "common.py", "manager.py", "misc.py"}:
        yield "names no noun of the domain"


def made_up_dns(module: Module) -> Iterator[str]:
    """A static zone, which says of anybody what it is told, is the demo's and the tests' alone."""
    if module.path not in {"agent/demo.py", "inbound/resolver.py"}:
        yield from (f"imports {name}" for name in imports(module) if name.endswith((".StaticZone", ".demo_zone")))
    if not module.path.startswith(("agent/demo", "agent/cli.py")):
        yield from (f"imports {name}" for name in imports(module) if re.match(r"agent(\.|.*\.)demo", name))


Rule = Callable[[Module], Iterator[str]]
RULES: tuple[Rule, ...] = (
    wrong_arrows,
    strayed_libraries,
    impure_deciders,
    missing_docstring,
    too_long,
    loose_talk,
    made_up_dns,
    vague_name,
)

LONG_FUNCTION = '"""Long."""\n\nasync def f():\n' + "    pass\n" * FUNCTION_LINES
WRONG: tuple[tuple[Rule, str, str], ...] = (
    (wrong_arrows, "inbound/mime.py", "import agent.store"),
    (wrong_arrows, "inbound/mime.py", "def f():\n    from agent import ids"),
    (wrong_arrows, "inbound/door/lmtp.py", "from ...outbound import headers"),
    (wrong_arrows, "inbound/mime.py", "import importlib\nimportlib.import_module('agent.ids')"),
    (wrong_arrows, "inbound/mime.py", "name = 'x'\n__import__(name)"),
    (wrong_arrows, "outbound/couriers/smtp.py", "from inbound.addresses import canonical"),
    (wrong_arrows, "outbound/__init__.py", "import agent"),
    (strayed_libraries, "agent/triage.py", "from sqlalchemy import select"),
    (strayed_libraries, "agent/serve.py", "def f():\n    import alembic.command"),
    (strayed_libraries, "agent/models/playbook.py", "from openai import AsyncOpenAI"),
    (strayed_libraries, "agent/stores.py", "import sqlalchemy.ext.asyncio"),
    (impure_deciders, "agent/policy.py", "from agent.store import drafts"),
    (impure_deciders, "agent/gate.py", "from agent import models"),
    (impure_deciders, "agent/rules.py", "from .web import app"),
    (impure_deciders, "agent/content.py", "from . import store"),
    (missing_docstring, "agent/ids.py", "x = 1"),
    (missing_docstring, "agent/ids.py", '""" """'),
    (too_long, "agent/ids.py", "x = 1\n" * (FILE_LINES + 1)),
    (too_long, "agent/ids.py", LONG_FUNCTION),
    (too_long, "agent/store/migrations/env.py", LONG_FUNCTION),
    (loose_talk, "agent/triage.py", "def f():\n    print('here')"),
    (loose_talk, "outbound/sender.py", "log = print"),
    (made_up_dns, "agent/serve.py", "from inbound.resolver import StaticZone"),
    (made_up_dns, "agent/parts.py", "def f():\n    from agent import demo_world"),
    (vague_name, "inbound/utils.py", ""),
)
RIGHT: tuple[tuple[Rule, str, str], ...] = (
    (wrong_arrows, "inbound/mime.py", "import agents\nfrom inbound import addresses\nfrom . import outbound"),
    (wrong_arrows, "agent/triage.py", "import inbound.mime\nfrom outbound import compose"),
    (strayed_libraries, "agent/store/tables.py", "import sqlalchemy"),
    (strayed_libraries, "agent/models/openai.py", "import openai"),
    (impure_deciders, "agent/policy.py", "from agent import models_of_pumps\nfrom outbound import contracts"),
    (too_long, "agent/ids.py", "x = 1\n" * FILE_LINES),
    (too_long, f"{GENERATED}0001.py", LONG_FUNCTION),
    (made_up_dns, "agent/serve.py", "from inbound.resolver import DnsResolver"),
    (loose_talk, "agent/cli.py", "print('a command speaks')"),
    (loose_talk, "agent/triage.py", "console.print('not the built-in')"),
)


def modules() -> list[Module]:
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return [Module(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in paths]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_packages_keep_the_rule(rule: Rule) -> None:
    """No module of the three packages breaks it."""
    assert [f"{module.path}: {wrong}" for module in modules() for wrong in rule(module)] == []


@pytest.mark.parametrize(("rule", "path", "source"), WRONG)
def test_the_rule_finds_a_wrong_example(rule: Rule, path: str, source: str) -> None:
    """Each rule fails where it should."""
    assert list(rule(Module(path, source)))


@pytest.mark.parametrize(("rule", "path", "source"), RIGHT)
def test_the_rule_leaves_a_right_example(rule: Rule, path: str, source: str) -> None:
    """None of them fails by the look of a name."""
    assert list(rule(Module(path, source))) == []


def test_the_rules_name_what_exists() -> None:
    """A module that was renamed does not slip out of its rule, and none of the packages is empty."""
    paths = {module.path for module in modules()}
    assert paths >= PURE | SPEAKS
    assert all(any(path.startswith(f"{package}/") for path in paths) for package in PACKAGES)
    assert {rule for rule, _, _ in WRONG} == set(RULES)
