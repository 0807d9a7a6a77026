"""Which courier the settings name."""

from __future__ import annotations

from collections.abc import Callable

from outbound.contracts import Courier, Switch, always_on
from outbound.couriers import mailgun, postmark, resend, sendgrid, ses
from outbound.couriers.api import ApiCourier
from outbound.couriers.log import LogCourier
from outbound.couriers.maildir import MaildirCourier
from outbound.couriers.smtp import SmtpCourier
from outbound.settings import CourierSettings

COURIERS: dict[str, Callable[[CourierSettings, Switch], Courier]] = {
    "maildir": lambda settings, _: MaildirCourier(settings.path),
    "smtp": SmtpCourier,
    "log": lambda settings, _: LogCourier(settings.path),
    "ses": lambda settings, _: ApiCourier(settings, ses),
    "postmark": lambda settings, _: ApiCourier(settings, postmark),
    "mailgun": lambda settings, _: ApiCourier(settings, mailgun),
    "sendgrid": lambda settings, _: ApiCourier(settings, sendgrid),
    "resend": lambda settings, _: ApiCourier(settings, resend),
}


def open_courier(settings: CourierSettings, switch: Switch = always_on) -> Courier:
    """Make the configured courier. Nothing is connected or created before the first mail.

    `switch` is asked by those to whom time passes between an attempt's begin and the mail itself.
    """
    return COURIERS[settings.kind](settings, switch)
