"""Who of a mail's recipients has it after an attempt, who never will, and who is served yet. Pure.

Rules:
- Who was served, or refused for good, is settled and never asked again.
- What a courier says of a single recipient goes before what it says of all.
- In doubt settles nobody but those who were surely refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outbound.contracts import DeliveryResult, InDoubt, Never, Paused, Sent

HAS_IT = ""


@dataclass(frozen=True)
class Standing:
    settled: dict[str, str]
    """By address: why it never gets the mail, or `HAS_IT`."""
    waits: dict[str, str]
    """By address: why it has not got it yet."""

    def has(self, address: str) -> bool:
        return self.settled.get(address) == HAS_IT

    @property
    def anybody(self) -> bool:
        """Whether somebody has it."""
        return HAS_IT in self.settled.values()

    @property
    def refused(self) -> dict[str, str]:
        return {address: why for address, why in self.settled.items() if why != HAS_IT}

    def given_up(self, reason: str) -> Standing:
        """As it stands when nobody is asked any more."""
        return Standing({**self.settled, **{one: f"{reason}: {why}" for one, why in self.waits.items()}}, {})


def after(everybody: Sequence[str], before: Mapping[str, str], result: DeliveryResult) -> Standing:
    """How it stands after an attempt that was to serve all of `everybody` who were not settled before it."""
    settled = dict(before)
    waits: dict[str, str] = {}
    said = {} if isinstance(result, Paused) else {one.address: one for one in result.unserved}
    for address in everybody:
        if address in settled:
            continue
        one = said.get(address)
        if one is not None and (not one.again or isinstance(result, Never)):
            settled[address] = one.reason
        elif one is not None:
            waits[address] = one.reason
        elif isinstance(result, Sent):
            settled[address] = HAS_IT
        elif isinstance(result, Never):
            settled[address] = result.reason
        else:
            waits[address] = "it is not known whether it was accepted" if isinstance(result, InDoubt) else result.reason
    return Standing(settled, waits)


def told(standing: Standing) -> str:
    """Who has not got it, and why, in words; empty where everybody has."""
    missing = {**standing.refused, **standing.waits}
    return "; ".join(f"not to {address}: {why}" for address, why in missing.items())
