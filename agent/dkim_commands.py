"""`postroom dkim`: make signing keys, and say what DNS has to carry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from agent.command_line import stop
from outbound.dkim import DkimKey, DkimKeyError, load_keys
from outbound.dkim_new import make, record_name, selectors, zone_line
from outbound.settings import DkimSettings


def new(domain: str, folder: Path, selector: str) -> int:
    rsa_selector, ed25519_selector = (f"{selector}r", f"{selector}e") if selector else selectors(datetime.now(UTC))
    try:
        rsa, ed25519 = make(domain, folder, rsa_selector, ed25519_selector)
    except DkimKeyError as error:
        stop(str(error), 1)
    _say(f"Two keys were made; keep both files as you keep passwords:\n  {rsa.path}\n  {ed25519.path}\n")
    _say("1. Publish these records in the zone of the domain, then wait until DNS gives them:\n")
    _records((rsa.key, ed25519.key))
    _say("2. Put this into config.toml and start Postroom anew:\n")
    _say(
        f'[dkim]\ndomain = "{rsa.key.domain}"\nselector = "{rsa.key.selector}"\nkey_file = "{rsa.path}"\n'
        f'ed25519_selector = "{ed25519.key.selector}"\ned25519_key_file = "{ed25519.path}"'
    )
    return 0


def show(settings: DkimSettings) -> int:
    try:
        keys = load_keys(settings)
    except DkimKeyError as error:
        stop(str(error), 1)
    if not keys:
        stop("no [dkim] key is configured: `postroom dkim new DOMAIN` makes a pair", 1)
    _records(keys)
    return 0


def _records(keys: tuple[DkimKey, ...]) -> None:
    for key in keys:
        _say(f"{key.algorithm}, as a form of a DNS provider wants it:")
        _say(f"  name:  {record_name(key)}\n  type:  TXT\n  value: {key.record()}")
        _say(f"as a zone file has it:\n  {zone_line(key)}\n")


def _say(text: str) -> None:
    print(text)  # noqa: T201 (the command line's own voice)
