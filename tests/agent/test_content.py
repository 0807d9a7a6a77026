"""Gaps, placeholders, characters that hide, blank space, secrets; and time that grows with the text alone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from agent import content
from agent.visible import views, visible


@pytest.mark.parametrize(
    "text",
    [
        "{{name}}",
        "{{ name }}",
        "{{name",
        "name}}",
        "{ {name} }",
        "{\u200b{name}}",
        "\uff5b\uff5bname\uff5d\uff5d",
        "&#123;&#123;name&#125;&#125;",
        "%7B%7Bname%7D%7D",
        "{{{name}}}",
        "{{}}",
        "{% if x %}",
        "{# note #}",
        "${name}",
        "#{name}",
        "<%= name %>",
        "[[name]]",
        "*|FNAME|*",
        "%%first_name%%",
        "<<first name>>",
    ],
)
def test_a_template_mark_is_a_gap(text: str) -> None:
    assert content.gaps(f"Dear {text}, hello")


@pytest.mark.parametrize(
    "text",
    [
        "[Your Name]",
        "[insert date here]",
        "[Customer's name]",
        "[Order number]",
        "<your name>",
        "[NAME]",
        "{name}",
        "{0}",
        "{}",
        "%FIRST_NAME%",
        "%(name)s",
        "__NAME__",
        "[...]",
        "XXX",
        "[xx]",
        "TBD",
        "Lorem ipsum",
    ],
)
def test_what_reads_like_a_place_to_fill_in_is_a_placeholder(text: str) -> None:
    assert content.placeholders(f"It comes on {text}, surely")


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ann, your order (your third) is on its way [as promised] & 100 % paid.",
        "We take 5 % off; a <b c> x{1 and y} are no marks. [PDF] [1] [sic]",
        "Thank you {for} nothing"[:9],
        "Your name and the date are known.",
    ],
)
def test_prose_has_no_gaps(text: str) -> None:
    assert content.gaps(text) == []
    assert content.placeholders(text) == []


HIDING = """
    0 7 B 1B 7F 85 AD 34F 61C 115F 180E 200B 200C 200D 200E 2028 202A 202E 2060 2066 2069 206A 2800 3164 FE0F FEFF FFA0
    E000 E0041 E0100 FFF9 1D173
"""


@pytest.mark.parametrize("code", HIDING.split())
def test_a_character_that_shows_nothing_is_found(code: str) -> None:
    """Controls, bidi marks, joiners out of place, tags, fillers, private use, selectors."""
    assert content.invisible(f"Hel{chr(int(code, 16))}lo") == [f"U+{int(code, 16):04X}"]


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n\tAnn\r\nBye",
        "Good \u2764\ufe0f and \U0001f44d\U0001f3fd",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "1\ufe0f\u20e3",
        "می\u200cخواهم",  # Persian
        "क्\u200dष",  # Hindi
        "Größe, naïve, e\u0301, 日本語, \u00a0x, \u3000y",
    ],
)
def test_what_a_script_or_an_emoji_needs_is_not_hidden(text: str) -> None:
    """RFC 5892, A.1 and A.2: a joiner has its places."""
    assert content.invisible(text) == []


@pytest.mark.parametrize(
    "text",
    [
        *("a\u200db", "a\u200cb", "\u200cخ", "می\u200c", "می\u200c\u200cخ", "a\ufe0f", "\u2764\u200dx", "a\rb"),
        *("\u200d\U0001f469", "\U0001f468\u200d\u200d\U0001f469", "\ufe0f", "خ\u200ca"),
    ],
)
def test_a_joiner_in_another_place_is_found(text: str) -> None:
    assert content.invisible(text)


def test_text_is_looked_at_in_every_layer() -> None:
    assert views("plain") == ("plain",)
    assert "<" in views("&lt;")[-1]
    assert any("<" in view for view in views("%26lt%3B"))
    assert any("<" in view for view in views("%2526lt%253B"))
    assert visible("ｅ\u200bｖｉｌ。com") == "evil.com"


def test_an_entity_with_endless_digits_breaks_nothing() -> None:
    """The standard library raises for it."""
    assert content.links("&#" + "9" * 10_000 + "; https://evil.example")


def test_text_far_below_blank_space_is_found() -> None:
    assert content.blank_run("a" + "\n" * 16 + "b")
    assert content.blank_run("a" + "\n \u200b" * 16 + "b")
    assert content.blank_run("a" + " " * 151 + "b")
    assert content.blank_run("\n" * 16 + "b")
    assert not content.blank_run("a" + "\n" * 15 + "b")
    assert not content.blank_run("a" + " " * 150 + "b")
    assert not content.blank_run("a" + "\n" * 100)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "a private key"),
        ("AKIAIOSFODNN7EXAMPLE", "an AWS key"),
        ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "an API key"),
        ("sk-proj-" + "abcDEF123456abcDEF123456", "an API key"),
        ("sk-" + "abcdefghij1234567890XYZ", "an API key"),
        ("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "a webhook secret"),
        ("ghp_" + "a1B2" * 9, "a GitHub token"),
        ("glpat-" + "x" * 20, "a GitLab token"),
        ("xoxb-" + "123456789012-abcdef", "a Slack token"),
        ("AIza" + "a" * 35, "a Google key"),
        ("SG." + "a" * 22 + "." + "b" * 43, "a SendGrid key"),
        ("key-" + "0a" * 16, "a Mailgun key"),
        ("AC" + "0a" * 16, "a Twilio key"),
        ("npm_" + "a" * 36, "a registry token"),
        ("hf_" + "a" * 30, "an access token"),
        ("123456789:AA" + "b" * 33, "a bot token"),
        ("AccountKey=" + "a" * 60, "a storage key"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "a token"),
        ("postgres://app:hunter2@db.internal/x", "a password in a link"),
        ("Password: Tr0ub4dor&3", "a password"),
        ("your password is correct1horse", "a password"),
        ("api_key=0123456789abcdef", "a password"),
        ("Das Passwort lautet Geheim2024", "a password"),
        ("4111 1111 1111 1111", "a card number"),
        ("4111-1111-1111-1111", "a card number"),
        ("4111111111111111", "a card number"),
        ("３７８２８２２４６３１０００５", "a card number"),
        ("order 12 4111 1111 1111 1111 of 3", "a card number"),
        ("5555\u200b5555 5555 4444", "a card number"),
        ("AKIA\u200bIOSFODNN7EXAMPLE", "an AWS key"),
        ("AKIA&#73;OSFODNN7EXAMPLE", "an AWS key"),
    ],
)
def test_a_secret_is_found_and_not_repeated(text: str, kind: str) -> None:
    found = content.secrets(f"Here it is: {text} and more")
    assert kind in found
    assert not any(text in one for one in found)


@pytest.mark.parametrize(
    "text",
    [
        "Hello Ann, your order LG-48213 of 2026-11-20 ships on 21.11.2026 by DHL 00340434161094042557.",
        "To reset your password, follow the steps. Password: please choose a new one.",
        "Your password https://larkspur.example/reset1 is for you",
        "The secret is patience. API key: see your account.",
        "IBAN DE89 3704 0044 0532 0130 00",
        "EAN 4006381333931, phone +49 30 901820, 1234 5678 9012 3456",
        "4111 1111 1111 1112 is no card",
        "550e8400-e29b-41d4-a716-446655440000",
        "sk-learn-is-a-library-that-we-all-like",
    ],
)
def test_ordinary_mail_holds_no_secret(text: str) -> None:
    """A denial cannot be overruled: what a customer may need must pass."""
    assert content.secrets(text) == []


N = content.LIMIT
HARD = [
    *(
        "a",
        " ",
        "\n",
        ".",
        "a.",
        "[",
        "](",
        "][",
        "<a",
        "&#",
        "%25",
        "&amp;",
        "@",
        "a@",
        "{",
        "{ ",
        "1 ",
        "4 ",
        "1.",
        "h",
    ),
    *("ht", "http:", "x:", "aa:// ", "-", "Ab ", "password: ", "eyJ", "://a:", "\u200b", "evil.com ", "\\\\a", "sk-"),
    *(
        "<<a",
        "www.",
        "__a",
        "[your ",
        "4111 ",
        "EUR ",
        "may ",
        "java ",
        "a-",
        "href=",
        "1:",
        "\ufdfa",
        "😀\u200d",
        "( ",
    ),
]
LOOKS: list[Callable[[str], object]] = [
    *(content.links, content.gaps, content.placeholders, content.secrets, content.invisible, content.facts_in),
    *(content.credentials, content.blank_run, lambda text: content.unsupported(text, [text])),
]


@pytest.mark.parametrize("piece", HARD)
def test_the_longest_text_that_is_looked_at_takes_little_time(piece: str) -> None:
    """Bounded by far more than it takes (0.2 s at most), and by far less than anything quadratic would."""
    text = (piece * (N // len(piece) + 1))[:N]
    for look in LOOKS:
        start = time.perf_counter()
        look(text)
        assert time.perf_counter() - start < 3, look
