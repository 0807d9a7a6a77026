"""Which courier the settings name."""

from __future__ import annotations

from collections.abc import Callable

from outbound.contracts import Courier
from outbound.couriers import mailgun, postmark, resend, sendgrid, ses
from outbound.couriers.api import ApiCourier
from outbound.couriers.log import LogCourier
from outbound.couriers.maildir import MaildirCourier
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings

COURIERS: dict[str, Callable[[CourierSettings], Courier]] = {
    "maildir": lambda settings: MaildirCourier(settings.path),
    "smtp": SmtpCourier,
    "log": lambda settings: LogCourier(settings.path),
    "ses": lambda settings: ApiCourier(settings, ses),
    "postmark": lambda settings: ApiCourier(settings, postmark),
    "mailgun": lambda settings: ApiCourier(settings, mailgun),
    "sendgrid": lambda settings: ApiCourier(settings, sendgrid),
    "resend": lambda settings: ApiCourier(settings, resend),
}


def open_courier(settings: CourierSettings) -> Courier:
    """Make the configured courier. Nothing is connected or created before the first mail."""
    return COURIERS[settings.kind](settings)
