"""What in a text looks like somebody's key, by the patterns of detect-secrets: which kinds, never the values. Pure.

Rules:
- The plugins are named, and asked one by one: no settings of a process, no allow-list that a comment in the text could
  call up, no verification, which would send what was found to third parties.
- Left out: entropy and keywords, which flag ordinary words; public addresses; Artifactory, whose passwords look like
  APARTMENTS; npm and signed tokens, whose patterns take the square of a long line (`leaks` has both).
- Every view of the text is looked at, as `leaks` does. What is found is for a person: a pattern may be wrong.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from agent.visible import views


def credentials(text: str) -> list[str]:
    """Kinds of keys that the text seems to hold, as detect-secrets names them, each once."""
    return list(_credentials(text))


@lru_cache(maxsize=32)
def _credentials(text: str) -> tuple[str, ...]:
    shown = views(text)
    found = (
        str(plugin.secret_type)
        for plugin in plugins()
        if any(next(iter(plugin.analyze_string(view)), None) for view in shown)
    )
    return tuple(dict.fromkeys(found))


class NoPatternsError(Exception):
    """The patterns cannot be had; the message says what to do. Without them no reply is looked at whole."""


@cache
def plugins() -> tuple[Any, ...]:
    """One of each. The first call takes some tenths of a second: what they import, no command should wait for.

    Raises NoPatternsError; a service asks before its doors open, so that no draft is tried for ever in vain.
    """
    try:
        return _made()
    except Exception as error:
        told = f"detect-secrets cannot be used ({type(error).__name__}: {error})"
        raise NoPatternsError(f"{told}; it belongs to Postroom: install its packages anew") from error


def _made() -> tuple[Any, ...]:
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
    from detect_secrets.plugins.basic_auth import BasicAuthDetector
    from detect_secrets.plugins.cloudant import CloudantDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
    from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.openai import OpenAIDetector
    from detect_secrets.plugins.private_key import PrivateKeyDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.softlayer import SoftlayerDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector
    from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
    from detect_secrets.plugins.twilio import TwilioKeyDetector

    return (
        AWSKeyDetector(),
        AzureStorageKeyDetector(),
        BasicAuthDetector(),
        CloudantDetector(),
        DiscordBotTokenDetector(),
        GitHubTokenDetector(),
        GitLabTokenDetector(),
        IbmCloudIamDetector(),
        IbmCosHmacDetector(),
        MailchimpDetector(),
        OpenAIDetector(),
        PrivateKeyDetector(),
        PypiTokenDetector(),
        SendGridDetector(),
        SlackDetector(),
        SoftlayerDetector(),
        SquareOAuthDetector(),
        StripeDetector(),
        TelegramBotTokenDetector(),
        TwilioKeyDetector(),
    )
