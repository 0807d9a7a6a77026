"""Labelled mails: what customers say, in the clothes of a mail. `python -m tests.agent.labelled` writes them to a file.

Rules:
- The same seed gives the same mails; the file is what was read, and a test holds both together.
- Halves share no sentence: `tuned` may be looked at while the matcher is built, `heldout` is counted only.
- No mail shares five words in a row with an example of the playbook.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.agent.labelled_words import NONE, SAID

FILE = Path(__file__).parent / "data" / "labelled.json"
SEED = 20261126
GREETINGS = (
    "Hello,",
    "Hi,",
    "Dear Larkspur team,",
    "Good morning,",
    "Hi there,",
    "Dear Sir or Madam,",
    "Good evening,",
    "",
)
FAREWELLS = (
    "Kind regards,\n{}", "Thanks,\n{}", "Best wishes\n{}", "Yours faithfully,\n{}", "Cheers, {}", "Many thanks, {}",
    "Thank you\n\n{}\n\nSent from my phone", "{}", "",
)  # fmt: skip
NAMES = (
    "Ann Marsh", "T. Oakley", "Priya Nair", "Jo", "Mrs E. Whitlow", "Callum", "Marta Nowak", "Dr Lewis Bright", "Sven",
    "Hannah & Tom Reed", "G. Pritchard", "Amélie Roux",
)  # fmt: skip
SUBJECTS = ("", "Question", "Hello", "Quick question", "A question for you", "Larkspur", "Please help", "Enquiry")
TIMES = 2
"""Each sentence, in as many clothes."""


@dataclass(frozen=True)
class Labelled:
    half: str
    intent: str
    subject: str
    text: str


def mails(seed: int = SEED) -> list[Labelled]:
    """All of them, in the order of their intents."""
    chance = random.Random(seed)
    found = []
    for intent, said in SAID.items():
        for n, sentence in enumerate(said):
            half = "tuned" if n < len(said) / 2 else "heldout"
            found += [_dressed(chance, half, intent, sentence) for _ in range(TIMES)]
    found += [_dressed(chance, "tuned" if n % 2 else "heldout", "none", one) for n, one in enumerate(NONE)]
    return found


def _dressed(chance: random.Random, half: str, intent: str, sentence: str) -> Labelled:
    """One mail about this, as some customer would send it."""
    body = sentence
    way = chance.random()
    if way < 0.12:
        body = body.lower()
    elif way < 0.22:
        body = _mistyped(chance, body)
    elif way < 0.32:
        body = "\n".join(re.findall(r"(?:\S+ ?){1,7}", body)).replace(" \n", "\n")
    parts = [chance.choice(GREETINGS), body, chance.choice(FAREWELLS).format(chance.choice(NAMES))]
    subject = chance.choice(SUBJECTS) if chance.random() < 0.7 else f"{chance.choice(('Re: ', ''))}{_topic(sentence)}"
    return Labelled(half, intent, subject, "\n\n".join(part for part in parts if part))


def _mistyped(chance: random.Random, text: str) -> str:
    """Two neighbouring letters of one long word changed places, as fingers do; numbers stay."""
    places = [match.start() for match in re.finditer(r"(?<![\w-])[a-z]{6,}", text)]
    if not places:
        return text
    at = chance.choice(places) + 2
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _topic(sentence: str) -> str:
    """The beginning of the sentence, as people put it into a subject."""
    return " ".join(sentence.split()[:4]).rstrip(".,;:?!")


def fives(text: str) -> set[tuple[str, ...]]:
    """Each five words that stand in a row."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return {tuple(words[at : at + 5]) for at in range(len(words) - 4)}


def stored() -> list[Labelled]:
    return [Labelled(**one) for one in json.loads(FILE.read_text("utf-8"))]


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(asdict(one), ensure_ascii=False) for one in mails())
    FILE.write_text(f"[\n{lines}\n]\n", "utf-8")
