"""The providers that there are: each module of this folder that is not one of the shared ones is a provider.

So adding one is one file here and one folder of fixtures; nothing else names it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from inbound import webhooks
from inbound.webhooks.contract import Dress, Letter, Provider, Request

SHARED = frozenset((
    "contract", "door", "dressing", "fetching", "filtered", "forms", "proofs", "rebuild", "registry", "reporting",
))  # fmt: skip
NAMES = tuple(sorted(one.name for one in iter_modules(webhooks.__path__) if one.name not in SHARED))


def provider(name: str) -> Provider:
    """A provider's module. Raises KeyError for a name that there is not."""
    if name not in NAMES:
        raise KeyError(name)
    return cast("Provider", import_module(f"inbound.webhooks.{name}"))


def clothes() -> dict[str, Dress]:
    """Every form in which a mail can be dressed and signed: `postmark`, `postmark-parsed`."""
    return {
        f"{name}-{form}" if form else name: _signed(provider(name), dress)
        for name in NAMES
        for form, dress in provider(name).CLOTHES.items()
    }


def _signed(source: Provider, dress: Callable[[Letter], Request]) -> Dress:
    return lambda letter, signing: source.sign(dress(letter), signing)
