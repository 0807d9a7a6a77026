"""Where the program can die with something half done: every transaction and every call out of the process.

Both are found in the code by their form, so that a new one is a new fail point without anybody writing it down. A call
out is one of a model, a courier, a name server, or an HTTP client, through the protocol behind which it happens.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "inbound", "outbound")

ELSEWHERE = ("agent/store/bell.py", "agent/store/keyring.py", "agent/store/migrate.py")
"""Transactions of a start and of the bell: no mail is in hand there. The tests of the store kill and repeat them."""
BY_HAND = ("agent/commands.py", "agent/demo.py", "agent/doctor/", "agent/simulate.py")
"""A person's commands: they store nothing about what they ask, and are typed again."""
BEHIND = {
    "agent/models/": "respond",
    "inbound/resolver.py": "txt",
    "inbound/webhooks/fetching.py HttpFetcher": "get",
    "outbound/couriers/": "deliver",
}
"""What lies behind a protocol: to die within it is to die in a call of the method, and that is a fail point."""
CALLS = {
    "respond": "model",
    "deliver": "courier",
    **dict.fromkeys(("txt", "a", "aaaa", "mx", "ptr"), "resolver"),
    **dict.fromkeys(("get", "post", "request", "send", "stream"), "client"),
}
"""Methods that leave the process, by how their owner's name ends."""
NETWORK = frozenset({"aiohttp", "aiosmtplib", "dns", "http", "httpx", "httpx2", "openai", "requests", "smtplib"})
"""Libraries that reach out."""
REACHES = frozenset({"create_connection", "open_connection", "open_unix_connection", "urlopen"})
"""Functions of the standard library that do."""
OF_THE_DATABASE = "agent/store/"


@cache
def sites() -> dict[tuple[str, int], str]:
    """Every fail point of the program: (path, line) -> a name that outlives other edits.

    The name is path, function, for a call what is called, and the number within the function.
    """
    found: dict[tuple[str, int], str] = {}
    for path in _modules():
        name = path.relative_to(ROOT).as_posix()
        for within, what, line in _points(ast.parse(path.read_text("utf-8")), ""):
            place = f"{name} {within}{what}"
            if not _left_out(place):
                n = sum(one.startswith(f"{place} ") for one in found.values()) + 1
                found[name, line] = f"{place} {n}"
    return found


def unseen(name: str, source: str) -> str:
    """The library by which a module reaches out though nothing in it is a fail point; empty where all is well."""
    if _left_out(name) or name.startswith(OF_THE_DATABASE) or name in {path for path, _ in sites()}:
        return ""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = {one.name.partition(".")[0] for one in names} & NETWORK
            case ast.ImportFrom(module=str(origin), level=0):
                found = {origin.partition(".")[0]} & NETWORK
            case ast.Call(func=ast.Attribute(attr=attr)):
                found = {attr} & REACHES
            case _:
                continue
        if found and not all(one == "http" for one in found):
            return found.pop()
    return ""


def modules() -> Iterator[tuple[str, str]]:
    """Path and text of every module of the program."""
    for path in _modules():
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def _modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def _left_out(place: str) -> bool:
    return place.startswith((*ELSEWHERE, *BY_HAND, *BEHIND))


def _points(node: ast.AST, within: str) -> Iterator[tuple[str, str, int]]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        inner = f"{within}.{child.name}".removeprefix(".") if named else within  # type: ignore[attr-defined]  # it has a name
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute):
            owner = ast.unparse(child.func.value)
            if child.func.attr == "write" and (owner == "db" or owner.endswith("database")):
                yield within, "", child.lineno
            elif (of := CALLS.get(child.func.attr)) and owner.endswith((of, "fetcher")):
                yield within, f" {of if owner.endswith(of) else 'fetcher'}.{child.func.attr}", child.lineno
        yield from _points(child, inner)
