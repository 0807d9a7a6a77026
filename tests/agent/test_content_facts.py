"""What a reply states as fact stands in a source, in whatever form it is written."""

from __future__ import annotations

import pytest

from agent import content


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("It costs 20 EUR.", "Price: €20.00"),
        ("It costs €1,234.50.", "1.234,50 EUR"),
        ("It costs 1500 dollars.", "$1,500"),
        ("It costs 1 234,50 EUR.", "€1,234.50"),
        ("It costs 1\u00a0234,50\u00a0€.", "1234,5 EUR"),
        ("It costs 1\u202f234 EUR.", "1.234 EUR"),
        ("It costs 1'234.50 francs.", "CHF 1234.50"),
        ("It costs CHF 1’234’567.50.", "1 234 567,50 CHF"),
        ("It costs €1234.50.", "1'234.50 EUR"),
        ("There are 12 345 of them.", "12345"),
        ("You get 5 200 times.", "5 pieces, 200 times"),
        ("You get 5 % off.", "a discount of 5 percent"),
        ("Open till 6 pm.", "9:00-18:00"),
        ("Open till 18:00.", "until 6pm"),
        ("Open from 09:00.", "from 9 to 18"),
        ("It takes three days.", "3 days"),
        ("It takes 3 days.", "within three days"),
        ("It takes 3-5 days.", "3 to 5 days"),
        ("a 30-day return", "30 days"),
        ("on 20 November 2026", "2026-11-20"),
        ("on November 20, 2026", "20.11.2026"),
        ("on the 20th of November 2026", "2026-11-20"),
        ("on 11/20/2026", "20 Nov 2026"),
        ("on 20 November", "2026-11-20"),
        ("le 1er décembre 2026", "2026-12-01"),
        ("el 20 de noviembre de 2026", "20 November 2026"),
        ("il 20 novembre 2026", "op 20 november 2026"),
        ("on 2026-11-20", "20. November 2026"),
        ("on 20.11.26.", "2026-11-20"),
        ("on 20/11/26", "20 November 2026"),
        ("on 11/20/26", "20.11.2026"),
        ("on 20-11-26", "20-11-2026"),
        ("on 2026-11-20", "20.11.26"),
        ("on 20 Nov '26", "2026-11-20"),
        ("on 20 November 26.", "2026-11-20"),
        ("on Nov 20, 98", "1998-11-20"),
        ("version 1.2.34", "1.2.34"),
        ("Your order LG-48213 is here.", "my order lg-48213"),
        ("It is sent by DHL.", "We ship with DHL"),
        ("So Bob's parcel is here.", "Bob asked"),
        ("Dear Anne-Marie, hello", "Anne Marie"),
        ("We ship to St. Gallen.", "to St. Gallen"),
    ],
)
def test_the_same_fact_in_other_writing_is_known(text: str, source: str) -> None:
    assert content.unsupported(text, (source,)) == []


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        ("It costs 21 EUR.", "€20.00", ["21 EUR"]),
        ("It costs $20.", "€20", ["$20"]),
        ("You get 20 % off.", "20 days", ["20 %"]),
        ("It costs 1,500.", "1.5 kg", ["1,500"]),
        ("Open till 6 pm.", "from 6 in the morning", ["6 pm"]),
        ("Open till 9:30.", "from 9", ["9:30"]),
        ("It takes five days.", "3 days", ["five"]),
        ("on 21 November 2026", "2026-11-20", ["21 November 2026"]),
        ("on 2026-11-21", "2026-11-20 and 21", ["2026-11-21"]),
        ("le 20 décembre 2026", "2026-11-20", ["20 décembre 2026"]),
        ("el 20 de diciembre de 2026", "20 de noviembre de 2026", ["20 de diciembre de 2026"]),
        ("on 20.11.27", "2026-11-20", ["20.11.27"]),
        ("on 20.11.26", "20.11.1926", ["20.11.26"]),
        ("on 20 Nov '27", "2026-11-20", ["20 Nov '27"]),
        ("It costs 1 235,50 EUR.", "€1,234.50", ["1 235,50 EUR"]),
        ("It costs 1'234.50 EUR.", "CHF 1234.50", ["1'234.50 EUR"]),
        ("It costs 1 234 EUR.", "1 and 234 CHF", ["1 234 EUR"]),
        ("on Friday", "on Monday", ["Friday"]),
        ("Your order LG-48214 is here.", "LG-48213", ["LG-48214"]),
        ("Your order XX-48213 is here.", "LG-48213", ["XX-48213"]),
        ("Your order 8213 is here.", "LG-48213", ["8213"]),
        ("It is sent by DHL or by UPS.", "DHL", ["UPS"]),
        ("Please ask Bob.", "Ann", ["Bob"]),
        ("Bob Miller will call.", "Ann", ["Bob", "Miller"]),
        ("You can pay by PayPal.", "by card", ["PayPal"]),
        ("PayPal is fine.", "by card", ["PayPal"]),
        ("You get 2\u200b5 euros.", "2 and 5", ["25 euros"]),
        ("You get ２５ euros.", "none", ["25 euros"]),
    ],
)
def test_what_stands_in_no_source_is_named(text: str, source: str, words: list[str]) -> None:
    assert content.unsupported(text, (source,)) == words


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for asking. We are glad to help.\n\nBest regards,\nyour team",
        "Dear Sir or Madam,\n\nUnfortunately we do not know. Please ask again. I'm sorry. So I will look.",
        "Yes! It is. Our shop is open: Come in.",
        "",
    ],
)
def test_a_text_without_facts_claims_nothing(text: str) -> None:
    assert content.unsupported(text, ()) == []


def test_facts_may_stand_in_different_sources() -> None:
    assert content.unsupported("Ann pays 20 EUR to Bob.", ("Ann asks", "Bob, 20 EUR")) == []


def test_each_claim_is_named_once() -> None:
    assert content.facts_in("20 EUR, then 20 EUR, with Bob and Bob.") == ["20 EUR", "Bob"]


def test_nothing_is_known_without_sources() -> None:
    assert content.unsupported("We owe 20 EUR to Bob.", ()) == ["20 EUR", "Bob"]


def test_a_long_source_is_read_like_a_short_one() -> None:
    """Only short ones are remembered; both know the same, however often they are asked."""
    long = "Nothing here. " * 400 + "\nBob pays 20 EUR on 20 November 2026."
    for _ in range(2):
        for source in (long, long[-60:]):
            assert content.unsupported("Bob pays 20 EUR on 2026-11-20, Eve 30 EUR.", (source,)) == ["30 EUR", "Eve"]
