"""What in a mail's words could mislead a model, found by code whatever model there is. Pure, linear in the text.

Rules:
- Orders to a machine are looked for in the languages that people write to us in. A reader sees them too, so they stay
  in the text, and a person has the mail.
- Where a model sees less than a reader does, because the text is longer than what it is given, that is said.
- A pattern finds what is plainly said. Who says it otherwise is stopped by what may leave, not by this.
"""

from __future__ import annotations

import re
import unicodedata

from agent.lexicon import MACHINE_ORDERS
from agent.prompt import TEXT_LIMIT
from inbound import codes
from inbound.contracts import NormalizedEmail

ORDERS = "instructions_to_machine"
_BETWEEN = r"\W+(?:\w+\W+){0,4}"
"""A few words between the order and what it is about."""

_SPOKEN: dict[str, tuple[str, str]] = {
    "de": (
        r"ignorier\w{1,4}|missacht\w{1,4}|vergiss|vergessen|überschreib\w{1,3}|beachte\w{0,2}",
        r"anweisung\w{0,3}|instruktion\w{0,3}|regeln?|vorgaben?|befehle?n?|prompts?",
    ),
    "fr": (
        r"ignore[zr]?|oublie[zr]?|(?:tiens|tenez) pas compte|(?:fais|faites) abstraction",
        r"instructions?|consignes?|r[eè]gles?|directives?|prompts?",
    ),
    "es": (
        r"ignor[ae]r?|olvid[ae]r?|descart[ae]r?|(?:haz|haga) caso omiso|no (?:sigas|siga)",
        r"instrucci[oó]n\w{0,2}|reglas?|indicaci[oó]n\w{0,2}|[oó]rden\w{0,2}|prompts?",
    ),
    "it": (
        r"ignor[aei](?:re|te)?|dimentic[ah]\w{0,3}|trascur[ai]\w{0,2}",
        r"istruzion[ei]|regol[ae]|indicazion[ei]|direttiv[ae]|prompt",
    ),
    "pt": (
        r"ignor[ae]r?|esque[cç][ae]r?|desconsider[ae]r?",
        r"instru[cç](?:[aã]o|[oõ]es)|regras?|orienta[cç](?:[aã]o|[oõ]es)|ordens|prompts?",
    ),
    "nl": (r"negeer|negeren|vergeet|vergeten", r"instructies?|regels?|aanwijzing\w{0,2}|opdracht\w{0,2}|prompts?"),
    "pl": (
        r"z?ignoruj\w{0,3}|zapomnij\w{0,3}|pomi[nń]\w{0,3}",
        r"instrukcj\w{1,2}|polece[nń]\w{0,2}|zasad\w?|prompt\w?",
    ),
    "sv, da": (
        r"ignorera?r?|glöm|glem|bortse|se bort",
        r"instruktion\w{0,3}|instruks\w{0,3}|regler(?:na|ne)?|anvisning\w{0,4}",
    ),
    "cs": (r"ignoruj\w{0,2}|zapome[nň]\w{0,2}", r"pokyn\w{0,2}|instrukc\w{1,2}|pravid\w{1,3}"),
    "ru": (r"(?:про)?игнорируй\w{0,2}|забуд\w{1,4}", r"инструкци\w{1,3}|указани\w{1,3}|правил\w{0,3}|промпт\w{0,2}"),
    "uk": (r"(?:про)?ігноруй\w{0,2}|забуд\w{1,4}", r"інструкці\w{1,3}|вказівк\w{1,3}|правил\w{0,3}"),
    "ar": (r"تجاهل\w{0,2}|انس\w{0,2}", r"(?:ال)?(?:تعليمات|قواعد|أوامر)"),
    "he": (r"התעלמ?[ויםתן]{0,2}|תתעלמ?[ויםתן]{0,2}|שכח[וי]?", r"ה?(?:הוראות|כללים|הנחיות)"),
}  # fmt: skip
"""By language: to disregard, and what is to be disregarded."""
_UNSPACED = (
    r"(?:指示|命令|ルール|プロンプト|規則)[^。\n]{0,16}(?:無視|忘れ)|(?:忽略|无视|無視|忘记|忘記|不要理会)[^。\n]{0,16}"
    r"(?:指令|指示|规则|規則|提示|说明)|(?:지시|명령|규칙|프롬프트)[^.\n]{0,16}(?:무시|잊)"
    r"|(?:talimat|kural|yönerge)\w{0,8}\W+(?:\w+\W+){0,3}(?:yok say|görmezden gel|unut|dikkate alma)\w{0,4}"
)
"""Where what is to be disregarded comes first, or no blanks stand between words: Japanese, Chinese, Korean, Turkish."""
ELSEWHERE = re.compile(
    "|".join(rf"\b(?:{verb})\b{_BETWEEN}(?:{thing})\b" for verb, thing in _SPOKEN.values()) + f"|{_UNSPACED}",
    re.IGNORECASE,
)


def orders_a_machine(text: str) -> bool:
    """Somebody tells a machine to disregard what it was told, or speaks to it in other ways."""
    plain = unicodedata.normalize("NFKC", text)
    return MACHINE_ORDERS.search(plain) is not None or ELSEWHERE.search(plain) is not None


def risks(email: NormalizedEmail) -> tuple[str, ...]:
    """Codes of the mail's own risks and of these."""
    found = set(email.risks)
    if orders_a_machine(f"{email.subject}\n{email.new_text[:TEXT_LIMIT]}"):
        found.add(ORDERS)
    if len(email.new_text) > TEXT_LIMIT:
        found.add(codes.CUT)
    return tuple(sorted(found))
