"""Codes of what may deceive a reader or a model, and of what a mail's form broke, with words for a person.

A risk keeps a mail from being answered unseen; a defect does so only where the text may have been read wrong.
"""

from __future__ import annotations

HIDDEN_TEXT = "hidden_text"
BIDI = "bidi_characters"
INVISIBLE = "invisible_characters"
TAG_CHARACTERS = "tag_characters"
MIXED_SCRIPT = "mixed_script"
LINK_TEXT_DIFFERS = "link_text_differs"
REPLY_TO_DIFFERS = "reply_to_differs"
SEVERAL_FROM = "several_from"
NAME_IS_ADDRESS = "name_is_address"
LONG_RUN = "long_run"
HEADER_INJECTION = "header_injection"
CUT = "text_cut"
FORWARDED_INLINE = "forwarded_inline"
PARTS_DIFFER = "parts_differ"
SPAM_SUSPECTED = "spam_suspected"
PHISHING_SUSPECTED = "phishing_suspected"
SPAM_UNCHECKED = "spam_unchecked"

BAD_BASE64 = "bad_base64"
UNKNOWN_CHARSET = "unknown_charset"
BAD_CHARACTERS = "bad_characters"
CONTROL_CHARACTERS = "control_characters"
NO_FROM = "no_from"
NO_DATE = "no_date"
NO_MESSAGE_ID = "no_message_id"
BROKEN_STRUCTURE = "broken_structure"
BARE_LINE_END = "bare_line_end"
ONLY_QUOTED = "only_quoted"
SEVERAL_IDS = "several_message_ids"
REPEATED_FIELD = "repeated_field"
ENCRYPTED = "encrypted"
NO_TEXT = "no_text"

SENTENCES: dict[str, str] = {
    HIDDEN_TEXT: "the mail has text that a reader does not see, or may not see",
    BIDI: "characters turn the direction of the text",
    INVISIBLE: "invisible characters stand inside words",
    TAG_CHARACTERS: "invisible tag characters carry hidden text",
    MIXED_SCRIPT: "an address or link mixes alphabets to look like another",
    LINK_TEXT_DIFFERS: "a link leads elsewhere than its text says",
    REPLY_TO_DIFFERS: "answers are asked for at another address than the author's",
    SEVERAL_FROM: "more than one author is named",
    NAME_IS_ADDRESS: "the author's name shows another address",
    LONG_RUN: "a very long run of characters was cut",
    HEADER_INJECTION: "a header hides line ends",
    CUT: "the text is longer than what is read",
    PARTS_DIFFER: "the plain text says something else than the page",
    FORWARDED_INLINE: "another mail is forwarded inside the text",
    SPAM_SUSPECTED: "a filter is not sure that it is no spam",
    PHISHING_SUSPECTED: "a filter sees signs of phishing",
    SPAM_UNCHECKED: "Rspamd gave no answer about it",
    BAD_BASE64: "a part's encoding is broken",
    UNKNOWN_CHARSET: "a part names an unknown charset",
    BAD_CHARACTERS: "some characters could not be decoded",
    CONTROL_CHARACTERS: "control characters were taken out",
    NO_FROM: "no usable author is named",
    NO_DATE: "there is no usable date",
    NO_MESSAGE_ID: "there is no usable Message-ID",
    BROKEN_STRUCTURE: "the structure of the parts is broken",
    BARE_LINE_END: "some line ends are not CRLF",
    SEVERAL_IDS: "more than one Message-ID is given",
    REPEATED_FIELD: "a header that may stand once stands more than once",
    ENCRYPTED: "the text is encrypted",
    NO_TEXT: "there is no text to read",
    ONLY_QUOTED: "nothing but quoted text was found, so all of it is read",
    "several_questions": "more is asked than one answer covers",
    "instructions_to_machine": "the text gives orders to a machine",
    "entity_not_in_mail": "the model named a value that is not in the mail",
    "model_called_tools": "the model tried to use tools while reading",
    "extraction_unreadable": "the model's answer could not be read",
    "extraction_refused": "the model refused to read the mail",
    "extraction_failed": "the model failed to read the mail",
    "extraction_incomplete": "the model's answer was cut off",
    "unknown_intent": "the model named an intent that does not exist",
}


def spoken(code: str) -> str:
    """What a code means, in words; a model's own words are marked as such."""
    own = code.removeprefix("model:")
    sentence = SENTENCES.get(own, own.replace("_", " "))
    return sentence if own == code else f"the model says: {sentence}"
