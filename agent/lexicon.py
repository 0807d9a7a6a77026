"""Words that the matcher knows before it reads any playbook (English).

Rules:
- `NEUTRAL` words change no question; they neither help nor hurt.
- `MARKED` words change what a question means (its kind, its time, denial, trouble, somebody's own case): one that the
  entry's own examples do not use keeps a match under every sensible threshold.
- `CHATTER` is what people tell beside a question; it explains nothing and is harmless there.
- A word in none of the lists is content: an entry explains it, or it stays unexplained.
"""

from __future__ import annotations

import re
from functools import lru_cache


def word_set(text: str) -> frozenset[str]:
    """The words of a text that holds nothing but words."""
    return frozenset(text.split())


NEUTRAL = word_set(
    """
    a an the this that these those there here it its is are be being am do does doing done have having of to in on
    at for from with within onto about as and or so then than also too very just quite please kindly hi hello hey
    dear thanks thank you your yours i me we us our ours they them their can could would should will shall may might
    must want like love know knowing let ask asking tell inform question questions query quick short quickly simple
    enquire enquiry wondering wonder find out see look looking anyone someone somebody anybody team shop shops store
    larkspur garden tools sir madam regards best kind cheers greetings advance appreciated grateful info information
    details confirm normally usually usual generally standard regular exactly maybe perhaps possible possibly able
    get got getting give some any all each every one both either something anything need needed needs if what which
    how whether during by re fw fwd mr mrs ms advise provide explain say well okay ok grand lovely glad over through
    under before after instance example understand learn hear up sort kind kinds types type particular well up guys
    certain general rather
    """
)

QUESTIONS = word_set("who whom whose where why when since how-i")
"""Each asks for another thing; an entry that never uses one does not answer it."""

MARKED = QUESTIONS | word_set(
    """
    not no never none nobody nothing neither nor cannot without wrong wrongly incorrect mistake error broken damaged
    defect defective faulty missing lost late delayed stolen cancel cancelled canceled cancellation refund refunded
    reimburse complain complaint complaining disappointed disappointing angry furious unacceptable terrible awful
    rude worst lawyer solicitor attorney barrister legal court sue suing police fraud scam scammed chargeback
    dispute compensation demand deadline urgent urgently immediately instead except unless despite although however
    again already still yet my mine his her he she him ignore disregard forget override instructions instruction
    prompt system assistant bot ai robot automated forward forwarded bcc cc password passcode login account iban
    transfer overcharged charged billed twice promised told said claimed claim refuse refused denied allergic
    injured injury hurt dangerous unsafe recall journalist press interview partnership sponsor seo marketing
    proposal investor exploded burst burnt burned fire smoke leak leaks leaking crack cracked snapped bent rust
    rusty fell stuck blunt jammed torn fault fails failed failing dead blood hospital ill sick died larger bigger
    smaller longer shorter lighter different replacement paid sent received was were did had has been ever even
    actually really people bother finally job jobs vacancy vacancies today tomorrow tonight now yesterday ago
    another else other first last only more less cheaper expensive forever free discount true real suppose supposed
    sad sadly unfortunately problem problems issue trouble wait waiting waited hope used secondhand stopped unhappy
    shame ridiculous joke seriously reply answer
    """
)

CALM = word_set(
    """
    my mine his her he she already still yet was were did had has been really hope other another first last only
    more now today tomorrow yesterday reply answer people even ever said told his him account when where who since
    not free
    """
)
"""Marked in a question, ordinary in the story around it."""

GRAVE = word_set("not said account free was were did")
"""Of these, what is ordinary only where the entry's own customers say it."""

CHATTER = word_set(
    """
    name live lives living moved family husband wife son daughter children kids sister brother mother father mum dad
    parents friend friends neighbour neighbours neighbor grandmother grandfather aunt uncle garden gardens gardener
    gardening gardeners allotment allotments cottage house home flat village town city area near nearby country park
    lawn hedge hedges rose roses tree trees plants flowers vegetables spring summer autumn winter weather sunny week
    weeks weekend weekends month months year years day days morning afternoon evening monday tuesday wednesday
    thursday friday saturday sunday next soon later some few couple several pair new little big large small old nice
    good great beautiful fantastic excellent wonderful fine happy pleased excited favourite perfect quick kind
    helpful van car bus train drive driving drove trip travel travelling visit visiting visited visitor come coming
    came over around by pop popping drop dropping try trying buy buying bought purchase purchasing purchased order
    ordering ordered placing place basket cart website web internet online site page catalogue catalog shop store
    products product items item things thing tool tools spade spades fork forks rake rakes hoe hoes shears secateurs
    loppers saw saws trimmer mower gloves wheelbarrow trowel trowels boots watering can hose present gift birthday
    christmas gave given received recommended recommend told found heard saw seen read love loved like liked enjoy
    enjoyed think thinking thought plan planning plans hoping going go want wanted wish interested interest
    considering consider decide deciding before after because but while which who where when whenever always often
    long time times since ago been long work working school club company business nursery customer customers person
    personally hand hands really already still again yet my mine her his she he everything everybody everyone
    together back much lot lots enough between only first last other another more most must make need old our own
    owner retired teacher am have has had was were write writing wrote mail email message reply answer response help
    helping service staff speak english excuse sorry bad poor hear hearing view person into down under through
    having being own myself ourselves once one two three pleasant keen greatly afterwards eventually shortly
    recently just lately
    """
)

SHORT_FORMS = {
    "u": "you", "r": "are", "ur": "your", "pls": "please", "plz": "please", "thx": "thanks", "hw": "how",
    "wat": "what", "wot": "what", "tmrw": "tomorrow", "tmw": "tomorrow", "sat": "saturday", "sun": "sunday",
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday",
    "thurs": "thursday", "fri": "friday", "whats": "what is", "whens": "when is", "wheres": "where is",
    "hows": "how is", "youre": "you are", "im": "i am", "ive": "i have", "weve": "we have", "theyre": "they are",
    "theyve": "they have", "dont": "do not", "doesnt": "does not", "didnt": "did not", "havent": "have not",
    "hasnt": "has not", "isnt": "is not", "arent": "are not", "wasnt": "was not", "werent": "were not",
    "wont": "will not", "cant": "cannot", "couldnt": "could not", "wouldnt": "would not", "shouldnt": "should not",
    "hadnt": "had not", "youve": "you have", "thats": "that is", "theres": "there is", "til": "until",
    "till": "until", "info": "information", "ta": "thanks", "hrs": "hours", "mins": "minutes",
    "uk": "united kingdom", "eu": "european union", "usa": "united states",
}  # fmt: skip
"""How people type on phones, and what apostrophes hide."""

GREETING = re.compile(
    r"(?i)\A\W*(?:(?:hi|hiya|hello|hey|hallo|bonjour|hola|ciao|greetings|to whom it may concern|"
    r"(?:good )?(?:morning|afternoon|evening)|good day)\b(?:[ ,]+(?:there|all|again|everybody|everyone|team"
    r"|both|larkspur|"
    r"garden|tools|guys|folks|dear|sirs?|madam|and|or))*|dear\b[^,.!?\n:]{0,40}(?=[,.!:\n]))[ ,.!:\-]*"
)

FAREWELL = re.compile(
    r"(?i)^\W*(?:(?:so |very |with )*(?:many|best|kind|warm|kindest|warmest|all)?\s*(?:thanks|thank you|cheers"
    r"|regards|wishes|"
    r"greetings|thx|ta)\b(?: (?:a lot|a million|so much|very much|and|in advance|for your (?:help|time)|best"
    r"|kind|wishes|regards|again|"
    r"from all of us|from \w+))*|yours(?: \w+)?|all the best|best|sincerely|love your (?:shop|website)"
    r"|sent from my \w+|"
    r"get outlook for \w+|have a (?:nice|good|great|lovely) \w+)\b[ ,.!\-]*"
)

COURTESY = re.compile(
    r"(?i)\b(?:(?:i|we)(?: am| are)?(?:'m|'re)? )?(?:very much )?look(?:ing)? forward to (?:hearing from you"
    r"|your (?:kind |quick |early )?"
    r"(?:reply|answer|response|mail|email)|hear(?:ing)? (?:back )?from you|our visit|my visit)(?: soon)?|(?:i"
    r"|we) hope (?:that )?(?:you are|this finds you|you're|"
    r"all is)(?: all)? well|in advance|as soon as possible|(?:just )?(?:a|one) (?:more|quick|short"
    r"|further) (?:thing|one|question)\b[:,]?"
)
"""What is said to everybody; cut before anything is judged."""

ASKING = re.compile(
    r"(?i)^\W*(?:(?:and|but|also|so|then|oh|well|btw|by the way|please|just|quick question|question|hi|hello)\W+)*"
    r"(?:(?:from|until|till|til|up to|at|by|on|in|for|to|with|after|within|since|before) )?"
    r"(?:(?:who|what|where|which|whose|why|how|whats|wat|hw)\b(?! an? )(?!s? (?:lovely|nice|beautiful))"
    r"|when (?!i\b|we\b|you\b|my\b|it\b|he\b|she\b|they\b|the\b)|"
    r"(?:is|are|was|were|do|does|did|can|could|would|will|should|may|might|has|have|am|r) (?!a\b|been\b)"
    r"|any chance|any idea)"
)
"""The beginning of a question that lacks its mark."""

ASKED = re.compile(
    r"(?i)\b(?:please|pls|plz|kindly|could you|can you|would you|will you|let me know|tell (?:me|us)|i need"
    r"|we need|i require|i demand|"
    r"i expect|i insist|i'd like you|i would like you|you must|you have to|you should|make sure|be so kind"
    r"|wondering|wonder|"
    r"(?:i'd|i would|we'd|we would|should) (?:(?:like|love) (?:to (?:know|ask|hear|learn|understand|enquire"
    r"|find out)|you to|a|my|the)\b|be (?:most )?(?:glad|grateful))|want to know|wish to know|want (?:a|my"
    r"|the)\b|may i enquire|i am writing to ask|"
    r"i request|also|besides|moreover|furthermore|apart from that|another (?:thing|question|matter)|by the way"
    r"|question about|asap)\b"
)
ORDERS = word_set(
    """
    send forward reply answer ignore disregard cancel change refund give confirm call delete update add remove ship
    replace include write provide check follow click transfer pay copy print repeat list show reveal tell act
    pretend output translate summarize summarise execute run open visit download attach stop start contact email
    mail post return exchange book reserve order quote apply set use mark approve treat say respond resend escalate
    close deliver keep hold leave bring take make let put fix sort do be go come don't remember note remind
    """
)
TELLING = re.compile(
    r"(?i)^\W*(?:(?:please|kindly|and|also|just)\W+)*(?:(?:tell|inform|let|advise) (?:me|us)|(?:give"
    r"|send) (?:me|us) (?:your|the|some|any|more|details|information)|confirm (?:your|what|when|if|whether|which|how)"
    r"|(?:advise|explain|provide) (?:your|what|when|if|whether|which|how|the|me|us))\b"
)
"""The one order that is a question."""

WANTING = re.compile(
    r"(?i)\b(?:i|we)(?:'d| would| will|'ll)? (?:also )?(?:like|want|need|require|demand|order|take|have)"
    r" (?:a|an|the|my|one|two|three|four|five|six|ten|some|\d+) (?!few\b|pair of hands\b|large\b|small\b|big\b"
    r"|question\b|look\b)"
)
"""A thing is wanted, not an answer."""

MACHINE_ORDERS = re.compile(
    r"(?i)(?:ignore|disregard|forget|override)\W+(?:\w+\W+){0,4}(?:instructions?|rules?|prompts?|guidelines"
    r"|above|previous|playbook)"
    r"|\b(?:system|developer)\W+(?:prompt|message|instructions?)\b|\byou are now\b|\bas an ai\b"
    r"|\bai (?:assistant|agent|model)\b"
    r"|\blanguage model\b|\bnew instructions?\b|\b(?:forward|send|bcc|cc|copy)\W+(?:\w+\W+){0,8}(?:to|all)\W+\S+@\S+"
    r"|\bforward (?:all|every|the|this|these)\b|\bsend_email\b|\bread_inbox\b|\btool(?:_| )calls?\b"
    r"|<\|?\w*(?:system|im_start)"
    r"|\bconfidence\b[^.\n]{0,20}\d|\breview_required\b|\bno (?:human )?review\b|\bauto[- ]?approve"
    r"|\bassistant\s*[:,]"
    r"|\byou are (?:a|an) (?:\w+ )?(?:assistant|bot|model|agent)\b"
)

MISLEADING = re.compile(
    r"(?i)\bpa(?:y|id)\s+(?:me|us|your|our|his|them)\b|\bpa(?:y|id)\b[^.?!\n]{0,40}\bback\b"
    r"|\bfor good(?=\s*[.?!]|$)|\breturn(?:ing)?\s+(?:your|my|the|our|a)\s+(?:phone )?calls?\b"
    r"|\b(?:should|shall)\s+i\s+(?:get|choose|buy|use|take)\b|\bopen(?:ing)?\s+(?:an?|another|the|my"
    r"|our)\s+(?!evening|morning|weekend|saturday|sunday)\w+"
    r"|\byou (?:told|said|promised|wrote|claimed|guaranteed)\b|\bat all\b|\bopen (?:to|day|days|house|letter"
    r"|source|question|mind)\b|\byou pay\b|\bto you\b|\bclose (?:to|are|together|my|an?)\b"
    r"|\bmany happy returns\b|\ba (?:new|bigger|larger|smaller|different) one\b|\bpays? you\b"
)
"""Common words that mean something else together."""

ENDINGS = ("ings", "ing", "ies", "ied", "ers", "er", "es", "ed", "ly", "s")
"""Endings that are cut from longer words, longest first; what stays is only ever compared with what stays of others."""


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Cut an English ending; at least three letters stay."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            cut = word[: -len(ending)]
            if ending in {"ies", "ied"}:
                return cut + "y"
            if len(cut) > 3 and cut[-1] == cut[-2] and cut[-1] not in "ls":
                cut = cut[:-1]
            return cut.removesuffix("e") if len(cut) > 3 else cut
    return word.removesuffix("e") if len(word) > 3 else word
