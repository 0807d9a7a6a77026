"""Words that the matcher knows before it reads any playbook (English).

Rules:
- `NEUTRAL` words change no question; they neither help nor hurt.
- `SENSITIVE` words change what a question means (denial, trouble, somebody's own case): one that the entry's own
  examples do not use keeps a match under every sensible threshold.
- A word in none of the lists is content: an entry explains it, or it stays unexplained.
"""

from __future__ import annotations

import re

NEUTRAL = frozenset(
    """
    a an the this that these those there here it its is are was were be been being am do does did doing done have has
    having of to in on at by for from with within into onto about as and or so then than also too very just really
    quite please kindly hi hello hey dear good morning afternoon evening day thanks thank you your yours yourself i me
    we us our ours they them their he she his her him who whom can could would should will shall may might must
    want wanted wondering wonder wish like love hope tell know knowing let ask asking question questions quick short
    quickly simple wondered find out see look looking anyone someone somebody anybody people folks team shop store
    company guys larkspur garden tools tool sir madam regards best kind cheers greetings sincerely yours truly many
    advance much appreciated grateful help helpful info information details detail right now currently today tomorrow
    normally usually usual generally exactly actually maybe perhaps possible possibly able get got getting give some
    any all each every one two three both either other something anything need needed needs make sure if when where
    what which how whether while because since until ever time times interested thinking considering planning
    plan soon next week weekend month year first well okay ok fine great nice lovely happy glad already yet still
    take takes taking use using thing things more another course
    website site online page email mail message write writing wrote reply answer back again reading read
    myself mine my go going come coming came over up down off out around near between during before after
    per via re fw fwd hi! mr mrs ms
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)

SENSITIVE = frozenset(
    """
    not no never none nobody nothing neither nor cannot cant dont doesnt didnt wont wouldnt isnt arent wasnt werent
    havent hasnt hadnt couldnt shouldnt without wrong incorrect mistake error broken damaged defect defective faulty
    missing lost late delayed stolen cancel cancelled canceled cancellation refund refunded reimburse complain complaint
    complaining disappointed disappointing angry furious unacceptable terrible awful rude worst lawyer solicitor attorney
    legal court sue suing police fraud scam scammed chargeback dispute compensation demand deadline urgent urgently
    immediately instead except unless despite although however why again already still yet my mine i'm own
    ignore disregard forget override instructions instruction prompt system assistant bot ai robot automated forward
    forwarded bcc cc password passcode login account bank iban transfer invoice overcharged charged billed twice wrong
    promised told said claimed refuse refused denied allergic injured injury hurt dangerous unsafe recall journalist
    press interview partnership sponsor seo marketing proposal investor exploded burst burnt burned fire smoke leak leaks
    leaking crack cracked snapped bent rust rusty fell stuck blunt jammed torn fault fails failed failing dead blood
    hospital ill sick died
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)

REQUEST_OPENERS = re.compile(
    r"(?i)^\W*(?:(?:and|but|also|so|then|oh|well|btw|by the way|secondly|finally|ps|p\.s\.|one more thing)\W+)*"
    r"(?:who|what|when|where|which|whose|why|how|is|are|was|were|do|does|did|can|could|would|will|should|may|might|"
    r"has|have|am|any chance|any idea)\b"
)
REQUEST_MARKS = re.compile(
    r"(?i)\b(?:please|kindly|could you|can you|would you|will you|let me know|tell me|i need|we need|i want|we want|"
    r"i require|i demand|i expect|i insist|i'd like you|i would like you|you must|you have to|you should|make sure|"
    r"be so kind|wondering|wonder|i'd like to know|i would like to know|i request|asap)\b"
)
ORDERS = re.compile(
    r"(?i)^\W*(?:and |then |also |now |just |next,? |first,? |finally,? )*"
    r"(?:send|forward|reply|answer|ignore|disregard|cancel|change|refund|give|confirm|call|delete|update|add|remove|"
    r"ship|replace|include|write|provide|check|follow|click|transfer|pay|copy|print|repeat|list|show|reveal|tell|act|"
    r"pretend|output|translate|summari[sz]e|execute|run|open|visit|download|attach|stop|start|contact|email|mail|post|"
    r"return|exchange|book|reserve|order|quote|apply|set|use|mark|approve|treat|say|respond|resend|escalate)\b"
)
MACHINE_ORDERS = re.compile(
    r"(?i)(?:ignore|disregard|forget|override)\W+(?:\w+\W+){0,4}(?:instructions?|rules?|prompts?|guidelines|above|previous)"
    r"|\b(?:system|developer)\W+(?:prompt|message|instructions?)\b|\byou are now\b|\bas an ai\b|\bai (?:assistant|agent|model)\b"
    r"|\blanguage model\b|\bnew instructions?\b|\b(?:forward|send|bcc|cc)\W+(?:\w+\W+){0,6}(?:to|all)\W+\S+@\S+"
    r"|\bforward (?:all|every|the|this|these)\b|\bsend_email\b|\bread_inbox\b|\btool(?:_| )calls?\b|<\|?\w*(?:system|im_start)"
    r"|\bconfidence\b[^.\n]{0,20}\d|\breview_required\b|\bno (?:human )?review\b|\bauto[- ]?approve"
)

MISLEADING = re.compile(
    r"(?i)\bpa(?:y|id)\s+(?:me|us)\b|\bpa(?:y|id)\b[^.?!\n]{0,40}\bback\b|\bfor good\b|\breturn(?:ing)?\s+(?:your|my|the)\s+calls?\b"
    r"|\b(?:should|shall)\s+i\s+(?:get|choose|buy|use|take)\b|\bopen(?:ing)?\s+(?:an?|the|your|another)\s+\w+"
)
"""Common words that mean something else together."""

FURTHER = re.compile(
    r"(?i)^\W*(?:also|besides|moreover|furthermore|apart from that|another thing|one more thing|secondly|p\.?\s?s\.?)\b"
)
"""A sentence that begins like this brings up another matter, question mark or not."""

STEM_ENDINGS = ("ingly", "edly", "ings", "ing", "ies", "ied", "ers", "er", "es", "ed", "ly", "s")
"""Endings that are cut from longer words, longest first; what stays is only ever compared with what stays of others."""


def stem(word: str) -> str:
    """Cut an English ending; at least four letters stay."""
    for ending in STEM_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            cut = word[: -len(ending)]
            return cut + "y" if ending in {"ies", "ied"} else cut.removesuffix("e") if len(cut) > 4 else cut
    return word.removesuffix("e") if len(word) > 4 else word
