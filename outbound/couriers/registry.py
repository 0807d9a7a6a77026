"""Which courier the settings name."""

from __future__ import annotations

from collections.abc import Callable

from outbound.contracts import Courier
from outbound.couriers.maildir import MaildirCourier
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings

COURIERS: dict[str, Callable[[CourierSettings], Courier]] = {
    "maildir": lambda settings: MaildirCourier(settings.path),
    "smtp": SmtpCourier,
}


def open_courier(settings: CourierSettings) -> Courier:
    """Make the configured courier. Nothing is connected or created before the first mail."""
    return COURIERS[settings.kind](settings)
