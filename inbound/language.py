"""Which language a text is in, by its script and by the small words that every sentence needs.

Rules:
- An ISO 639-1 code, or nothing where the text is too short, in a language not listed here, or undecided: a wrong
  language would send a mail to the wrong people, none sends it to everybody.
- Signs that one language alone has (kana, hangul, `ł`) say more than words; words that several languages have say less.
- Bounded: the first 4,000 characters. The same text gives the same answer.
"""

from __future__ import annotations

import re
from collections import Counter

MAX_CHARS = 4_000
LEAST = 1.5
"""Weight of small words below which nothing is said."""
LEAD = 1.25
"""How much heavier the first language is than the second."""

NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fr": "French", "he": "Hebrew", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ru": "Russian", "sv": "Swedish", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian",
    "zh": "Chinese",
}  # fmt: skip
"""What people call what `detect` gives."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_NO_WORDS = re.compile(r"https?://\S+|\S+@\S+")
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
    "zh": re.compile("[\u3400-\u9fff]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0620-\u064a]"),
}
"""In this order: Japanese has Chinese characters too, Chinese has no kana."""

_LETTERS = {
    "de": "ßäöü",
    "fr": "çœêèàùâîû",
    "es": "ñ¿¡óíú",
    "it": "èòùàì",
    "pt": "ãõçâêó",
    "pl": "łąęśżźćń",
    "ru": "ыэёъ",
    "uk": "іїєґ",
}

_SMALL_WORDS = {
    "en": "the and you is are my for with that this have has not what when where can how your was it please would be "
    "will from at do does did any been could which if but they there we me of to an on i i'm i've it's don't",
    "de": "der die das und ist nicht ich mit für auf ein eine einen einem wann wie habe haben hat bei von zu zum zur ihr "
    "ihre ihnen sie kann können bitte mein meine meiner den dem des im wir auch oder noch wird wurde sind es am aus um "
    "nach wo über als nur aber dass sehr gibt guten tag danke hallo",
    "fr": "le la les des et est pas je vous une un pour dans que qui sur avec mon ma mes votre vos nous ce cette ces avez "
    "ai il elle au aux du de par plus quand où comment été sont bonjour merci puis pouvez j'ai c'est ne ou en s'il d'une",
    "es": "el la los las y es no de en que por para con una un mi su sus me se del al lo como cuándo cuando dónde donde "
    "está están pero muy hola gracias puedo pueden tengo he ha más este esta son fue qué cómo cuál si ya hasta sin",
    "nl": "de het een en is niet ik van met voor op te dat wat wanneer hoe mijn uw jullie je heb hebt heeft kan kunnen "
    "zijn wordt nog ook maar bij naar er aan deze dit waar om als geen graag worden was we u hallo dank bedankt",
    "it": "il lo la i gli le e è non di che per con una un mio mia mi si del della dei delle al alla nel nella sono ho ha "
    "quando come dove posso può potete vorrei grazie buongiorno anche ma più questo questa ci da vi vostro cosa quali",
    "pt": "o a os as e é não de que em para com uma um meu minha me se do da dos das no na nos nas por quando como onde "
    "está estão posso pode podem mas muito obrigado obrigada olá mais este esta são foi tenho já vocês seu sua ao à qual isso isto gostaria pelo pela até depois bom",
    "pl": "i w nie na się z do jest że to jak co o dla od czy kiedy gdzie mam mój moje moja mojego moją proszę dzień dobry "
    "po są był była być ale tylko za przez już jeszcze mogę można może ten ta państwo pan pani jestem dziękuję u ze",
    "ru": "и в не на я что с как это для по у мне меня мой моя мой моего где когда вы вас ваш из за можно ли мы но он она "
    "так уже есть был была было бы от до о об же если здравствуйте спасибо пожалуйста какие сколько",
    "uk": "і в не на я що з як це для по у мені мій моя де коли ви вас ваш із за чи ми але він вона так вже є був від до "
    "про якщо дякую будь ласка",
    "sv": "och det är inte jag på som en ett att för med har när var kan min mitt ni er till av om men vi hej tack från",
    "da": "og det er ikke jeg på som en et at for med har hvornår hvor kan min mit i til af om men vi hej tak fra der",
    "cs": "a je se na v že to s z do pro jak kdy kde mám můj moje prosím dobrý den jsem jsou ale by mi o ve po děkuji co",
    "tr": "ve bir bu için ne zaman nasıl değil var mı mi ile ben benim çok daha ama teşekkürler merhaba lütfen siparişim",
}
_WEIGHTS: dict[str, dict[str, float]] = {}


def _weights() -> dict[str, dict[str, float]]:
    """Word -> language -> weight: the fewer languages have it, the more it says."""
    if not _WEIGHTS:
        having = Counter(word for words in _SMALL_WORDS.values() for word in set(words.split()))
        for language, words in _SMALL_WORDS.items():
            for word in set(words.split()):
                _WEIGHTS.setdefault(word, {})[language] = 1 / having[word]
    return _WEIGHTS


def detect(text: str) -> str:
    """The language of a text; empty where nobody can say."""
    text = _NO_WORDS.sub(" ", text[:MAX_CHARS])
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    letters = sum(map(len, words))
    for language, script in _SCRIPTS.items():
        found = len(script.findall(text))
        if found >= 2 and found * (10 if language == "ja" else 3) >= letters:
            return language
    found_words: Counter[str] = Counter()
    for word in words:
        for language, weight in _weights().get(word, {}).items():
            found_words[language] += weight  # type: ignore[assignment]  # a Counter of weights
    if not found_words:
        return ""
    for language, own in _LETTERS.items():
        if language in found_words:
            found_words[language] += min(1.0, 0.25 * sum(text.count(sign) for sign in own))  # type: ignore[assignment]  # a Counter of weights
    (first, weight), second = found_words.most_common(1)[0], sorted(found_words.values())[-2:-1]
    return first if weight >= LEAST and weight >= LEAD * (second[0] if second else 0) else ""
