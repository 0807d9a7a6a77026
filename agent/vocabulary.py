"""Words that the matcher knows before it reads any playbook (English).

Rules:
- A word that stands nowhere here is content: an entry's own words explain it, or it stays unexplained.
- `FREE` words carry no content anywhere. `STORY` words carry none in what surrounds a question.
- `TELLING` words are common and change what is asked (denial, what already happened): an entry explains one only where
  an example of its own has it beside the same word.
- `SAME` makes one word of several that customers use alike; endings are cut before words are compared.
"""

from __future__ import annotations

import re

FREE = frozenset(
    """
    a an the this that these those there here it its they them i me we us you your yours one ones someone somebody
    anyone anybody something anything of to in on at by for from with within into about as per via between over under
    above around through throughout during until till before after up against out toward towards
    and or but if whether so then than while because since like
    am is are be being do does have has can could would may might will shall please just very quite really simply
    any some all each every both either exactly actually maybe perhaps possible possibly able normally normal usually
    usual typically typical generally general roughly approximately approx about want wants need needs wish prefer know
    ask tell say find see understand what which who whom whose when where why how get gets come go shop store ok okay
    alright fine e g ie eg etc also too well
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)

STORY = frozenset(
    """
    my our mine his her he she him their own myself ourselves wife husband partner mother mum mom father dad son daughter
    sister brother aunt uncle parents kids children child family friend friends neighbour neighbor neighbours boyfriend
    girlfriend grandmother grandfather grandma grandpa granddaughter grandson colleague
    garden gardens gardening gardener allotment lawn hedge hedges flower flowers roses rose vegetable vegetables greenhouse
    patch balcony yard tree trees shrub shrubs plants plant beginner hobby outdoors
    birthday christmas present presents gift gifts anniversary wedding party retirement easter
    live living lives moved near nearby area region village town city countryside house home flat work working job office
    drive driving travel travelling train bus car van trip visit visiting visitor journey pass passing stop stopping coming
    come going pop popping drop dropping round way past weekend week weeks month months year years day days today tomorrow
    tonight morning mornings afternoon evening night noon spring summer autumn winter next this last monday tuesday
    wednesday thursday friday saturday sunday january february march april may june july august september october november
    december soon later early holiday holidays vacation
    plan planning plans hope hoping think thinking consider considering decide deciding look looking looked browse browsing
    interested love loved enjoy enjoyed like liked great nice lovely good wonderful beautiful fantastic excellent happy
    glad pleased recommended recommend heard read saw seen found come across discovered started starting start new first
    time times big small few couple lot lots many several pair set range quality
    buy buying bought purchase purchasing shop shopping order ordering online website site web page catalogue internet
    tool tools product products item items goods things article articles spade spades rake rakes hoe hoes fork forks saw
    saws loppers shears secateurs trimmer trimmers mower mowers glove gloves trowel trowels wheelbarrow wheelbarrows ladder
    pruner pruners hose watering can cans shovel shovels axe
    person local regular long short old myself together able customer customers question questions query enquiry inquiry
    information info details detail help thanks thank hello hi regards name general quick simple short re fw fwd
    finish free time off busy sometimes often always day somewhere around here little bit really ideally
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)

TELLING = frozenset(
    """
    not no never none nobody nothing neither nor without instead except unless despite although however only
    was were did had been again still yet already more longer anymore 
    ordered paid arrived delivered shipped sent received came got took gave returned opened charged went tried told said
    promised accepted refused bought posted picked dropped collected left closed
    my mine our own
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)

OWN = frozenset("my mine our own".split())  # noqa: SIM905 (a list of words reads better as words)
"""Of `TELLING`: the customer's own; harmless beside what an entry's words or the story around a question name."""

ASKING = frozenset("who whom whose when where why how".split())  # noqa: SIM905 (a list of words reads better as words)
"""What a question is about: an entry that was never asked `where` does not answer it."""
AMOUNTS = frozenset("much many long late early fast quick quickly soon often far big large".split())  # noqa: SIM905 (a list of words reads better as words)
"""After `how` they are the question's content, and `how` says nothing."""

TROUBLE = frozenset(
    """
    wrong incorrect mistake error broken damaged defect defective faulty missing lost late delayed stolen cancel cancelled
    canceled refund complaint angry unacceptable terrible awful lawyer court police fraud scam urgent forward ignore
    disregard password bank iban account leak rust bent cracked torn stuck blunt hurt injured stop help call closed me now
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)
"""Words that no name is made of."""

_SAME = (
    "cost price charge fee rate pricing expensive cheap",
    "fast quick quickly",
    "item product article good goods thing stuff merchandise",
    "buy purchase",
    "method way option form type kind mean possibility",
    "accept take offer support",
    "abroad overseas international internationally",
    "close shut",
    "parcel package packet",
    "courier carrier",
    "big large",
    "small little",
    "policy condition rule term procedure",
    "weekend weekends",
    "original unopened",
    "present gift",
)

CONTRACTED = {
    "dont": "do not", "cant": "can not", "cannot": "can not", "wont": "will not", "doesnt": "does not", "didnt": "did not",
    "isnt": "is not", "arent": "are not", "wasnt": "was not", "werent": "were not", "havent": "have not",
    "hasnt": "has not", "hadnt": "had not", "couldnt": "could not", "wouldnt": "would not", "im": "i am", "ive": "i have",
    "whats": "what is", "whens": "when is", "wheres": "where is", "hows": "how is", "u": "you", "ur": "your", "r": "are",
    "pls": "please", "plz": "please", "wot": "what", "thats": "that is", "youre": "you are", "id": "i would",
}  # fmt: skip
"""Also as people type them without the apostrophe."""

PHRASES = (
    (re.compile(r"\b(?:bank|public|national) holidays?\b"), "holidays"),
    (re.compile(r"\b(?:web|online|internet)[ -](?:shop|store)\b"), "webshop"),
    (re.compile(r"\b(apple|google|amazon|samsung) pay\b"), r"\1pay"),
    (re.compile(r"\bpay pal\b"), "paypal"),
    (re.compile(r"\b(?:gift|present) (?:card|voucher|certificate|token)s?\b"), "giftvoucher"),
    (re.compile(r"\bgarden(?:ing)? (?:centre|center|shop|store)\b"), "shop"),
    (re.compile(r"\b(?:united kingdom|great britain|u\.k\.)(?!\w)"), "uk"),
    (re.compile(r"\b(?:united states(?: of america)?|u\.s\.(?:a\.)?)(?!\w)"), "usa"),
    (re.compile(r"\bmind (?:telling|letting)\b"), "tell"),
    (re.compile(r"\b(?:return|send|post)ing it to you\b"), "returning it"),
    (re.compile(r"\bfor good\b"), "forgood"),
    (re.compile(r"\bpay(?:ing)? back\b"), "repay"),
    (re.compile(r"\bdays? off\b"), "holiday"),
)
"""Words that mean something else, or one thing, together; applied to lower-case text."""

ORDERS = frozenset(
    """
    send forward reply answer ignore disregard cancel change refund give confirm call delete update add remove ship replace
    include write provide check follow click transfer pay copy print repeat list show reveal tell act pretend output
    translate summarise summarize execute run open close visit download attach stop start contact email mail post return
    exchange book reserve order quote apply set use mark approve treat say respond resend escalate deliver bring take put
    make let do keep collect fetch pick hold wait help
    """.split()  # noqa: SIM905 (a list of words reads better as words)
)
"""A sentence that begins with one, and asks nothing, gives an order."""

MACHINE_ORDERS = re.compile(
    r"(?i)(?:ignore|disregard|forget|override)\W+(?:\w+\W+){0,4}(?:instructions?|rules?|prompts?|guidelines|above|previous)"
    r"|\b(?:system|developer)\W+(?:prompt|message|instructions?)\b|\byou are now\b|\bas an ai\b|\bai (?:assistant|agent|model)\b"
    r"|\blanguage model\b|\bnew (?:instructions?|task|policy)\b|\b(?:forward|send|bcc|cc|copy)\W+(?:\w+\W+){0,6}(?:to|all)\W+\S+@\S+"
    r"|\bforward (?:all|every|the|this|these)\b|\bsend_email\b|\bread_inbox\b|\btool(?:_| )calls?\b|<\W*\w*(?:system|im_start|/?mail|/?email)"
    r"|\bconfidence\b[^.\n]{0,20}\d|\breview_required\b|\b(?:no|without) (?:human )?review\b|\bauto[- ]?approve"
    r"|\bfrom now on\b|^\W*(?:system|assistant|developer|admin)\s*[:,]"
)

FURTHER = re.compile(
    r"(?i)^\W*(?:also|besides|moreover|furthermore|apart from that|another thing|one more thing|secondly|p\.?\s?s\.?)(?!\w)"
)
"""A sentence that begins like this brings up another matter, question mark or not."""

STEM_ENDINGS = ("ingly", "edly", "ings", "ing", "ies", "ied", "ers", "er", "es", "ed", "ly", "s")
"""Endings that are cut from longer words, longest first; what stays is only ever compared with what stays of others."""


def stem(word: str) -> str:
    """One form for all forms of a word and of its like. What it gives is only ever compared with what it gives."""
    cut = _cut(word)
    return _CANONICAL.get(cut, cut)


def _cut(word: str) -> str:
    """Cut an English ending; at least four letters stay, of short words a plural s only."""
    for ending in STEM_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            left = word[: -len(ending)]
            left = left + "y" if ending in {"ies", "ied"} else left
            return (left[:-1] if len(left) > 4 and left[-1] == left[-2] and left[-1] in "bdgmnprt" else left).removesuffix("e")
    if len(word) in {4, 5} and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    return _SHORT.get(word, word.removesuffix("e") if len(word) > 4 else word)


_SHORT = {"paying": "pay", "buying": "buy", "going": "go", "using": "use"}
_CANONICAL = {_cut(word): _cut(words.split()[0]) for words in _SAME for word in words.split()}
