"""How well the playbook's own matcher understands the labelled mails, half by half.

    python -m bench.intents

`tuned` may be looked at while the matcher is built, `heldout` is counted only. Right, wrong and missed (no intent: a
person's) are of all mails; unseen are those that would leave without a person, right and wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.agent.labelled import stored
from tests.agent.labelled_figures import figures


def main() -> None:
    mails = stored()
    for half in ("tuned", "heldout"):
        by_intent: dict[str, Counter[str]] = defaultdict(Counter)
        for mail, said in figures([one for one in mails if one.half == half]):
            by_intent[mail.intent][said.outcome] += 1
            by_intent[mail.intent]["unseen, right" if said.outcome == "right" else "UNSEEN, WRONG"] += said.unseen
        whole = sum(by_intent.values(), Counter[str]())
        print(f"{half}: {_told(whole)}")
        for intent, count in by_intent.items():
            print(f"    {intent:24} {_told(count)}")


def _told(count: Counter[str]) -> str:
    names = ("right", "wrong", "missed", "unseen, right", "UNSEEN, WRONG")
    return "  ".join(f"{name} {count[name]}" for name in names)


if __name__ == "__main__":
    main()
