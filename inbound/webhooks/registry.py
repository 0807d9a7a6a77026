"""The providers that there are: adding one is one file here and one folder of fixtures."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from inbound.webhooks.contract import Provider

NAMES = (
    "postmark", "mailgun", "sendgrid", "ses", "resend", "raw", "mandrill", "sparkpost", "brevo", "mailjet",
    "mailersend", "postal", "cloudmailin", "forwardemail", "mox",
)  # fmt: skip


def provider(name: str) -> Provider:
    """A provider's module. Raises KeyError for a name that there is not."""
    if name not in NAMES:
        raise KeyError(name)
    return cast("Provider", import_module(f"inbound.webhooks.{name}"))
