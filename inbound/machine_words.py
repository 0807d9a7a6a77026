"""The words by which machines that answer and report give themselves away.

Rules:
- Patterns are anchored at the start and read a bounded text (a subject, a local part, an opening).
- What a person may write too stands under AWAY and counts only with a second sign. None decides behind Re: or Fwd:.
"""

from __future__ import annotations

import re


def _any(*phrases: str, before: str = "", after: str = "") -> re.Pattern[str]:
    return re.compile(before + "(?:" + "|".join(phrases) + ")" + after, re.IGNORECASE)


DAEMON = _any("mailer-daemon", "mail[._-]?daemon", "mdaemon", "mail-?deliver[a-z-]{0,20}system", after=r"\Z")
"""Local parts under which no person writes."""

POSTMASTER = _any("post[._-]?masters?", "mailadmin", after=r"\Z")
"""Local parts of machines, mostly: with a bounce's subject it is one."""

NO_REPLY = _any(
    r"(?:.*[._+-])?(?:no|do[._-]?not|dont|never)[._-]?(?:reply|respond|response|answer)s?\d*",
    "ne[._-]?pas[._-]?repondre",
    "nicht[._-]?antworten",
    "keine[._-]?antwort",
    "no[._-]?(?:responder|contestar|responda)",
    "nao[._-]?(?:responda|responder)",
    "non[._-]?rispondere",
    "niet[._-]?(?:beantwoorden|reageren)",
    "nie[._-]?odpowiadaj",
    "svara[._-]?(?:inte|ej)",
    after=r"(?:[._+-].*)?\Z",
)
"""Local parts of authors who take no reply."""

RESPONDER_FIELDS: dict[str, re.Pattern[str] | None] = {
    "x-autoreply": None,
    "x-auto-reply": None,
    "x-autorespond": None,
    "x-autoresponder": None,
    "x-autoreply-from": None,
    "x-autoreply-domain": None,
    "x-mail-autoreply": None,
    "x-vacation": None,
    "x-amz-sns-message-id": None,
    "x-fc-machinegenerated": _any("true"),
    "x-post-messageclass": _any(r".{0,40}autoresponder"),
    "x-mailer": _any(r".{0,40}(?:vacation|auto-?repl|auto-?respond)"),
    "delivered-to": _any(r"autoresponder\Z"),
    "precedence": _any("auto[_-]?repl"),
    "preference": _any("auto[_-]?repl"),
}
"""Fields of vacation responders, with the values that mean so (None: any but no)."""

ANSWERED_OR_PASSED_ON = re.compile(
    r"\s*(?:re|aw|sv|fw|fwd|wg|tr|rv|r|i|vs|odp|antw|enc|res|回复|转发)\s*(?:\[\d+\])?\s*[:\uff1a]", re.IGNORECASE
)

BOUNCE_SUBJECT = _any(
    "undeliver(?:ed|able)",
    "delivery status notification",
    "(?:mail )?delivery (?:has )?fail",
    "failure notice",
    "mail delivery (?:failed|failure|problem|system|error)",
    "mail system error",
    "(?:your )?(?:mail|e-?mail|message)(?: you sent)? could not be delivered",
    "delivery failure",
    "returned mail",
    "non[- ]?delivery",
    "message (?:not delivered|could not be delivered|undeliverable|delayed|delivery (?:failure|delayed))",
    "warning: (?:could not send|message)",
    "delayed mail",
    "error sending",
    "unzustellbar",
    "nicht zustellbar",
    "non recapitabile",
    "no se puede entregar",
    "non remis",
    "niet bezorgd",
    "onbestelbaar",
    "notification d.état de remise",
    "недоставлен",
    "配信不能",
    "メッセージを配信できません",
    "メールエラー通知",
    "未送達",
    "无法投递",
    "系统退信",
    before=r"\s*",
)

COMPLAINT_SUBJECT = _any(r"complaint about message from [0-9a-f.:]{7,45}\s*\Z")
"""Outlook.com's junk mail reports, which attach the mail and have no feedback report."""

RESPONDER_SUBJECT = _any(
    "automatic reply",
    "auto(?:mated)?[- ]?(?:reply|response)",
    "out of (?:the )?office (?:auto-?reply|response)",
    "vacation reply",
    r"automatische (?:antwort|abwesenheits\w{0,20}|rückmeldung)",
    "abwesenheits(?:notiz|nachricht|meldung|benachrichtigung)",
    "réponse automatique",
    "message d.absence",
    "respuesta autom[aá]tica",
    "risposta automatica",
    "resposta autom[aá]tica",
    "automatisch antwoord",
    "autosvar",
    "automatiskt svar",
    "automaattinen vastaus",
    "automatyczna odpowiedź",
    "odpowiedź automatyczna",
    "automatická odpověď",
    "automatikus válasz",
    "răspuns automat",
    "otomatik yanıt",
    "автоматический ответ",
    "автоответ",
    "自动(?:回复|答复)",
    "自動(?:回覆|応答|返信)",
    "자동 ?(?:회신|응답)",
    before=r"\s*",
    after=r"\s*(?:[:\uff1a!]|\Z)",
)
"""Starts of a subject as no person writes them."""

AWAY_SUBJECT = _any(
    "out of (?:the )?office",
    "ooo",
    "away from (?:the )?office",
    "on (?:vacation|leave|holiday)",
    "vacation",
    "abwesend",
    "abwesenheit",
    "im urlaub",
    "absence",
    "absent",
    "fuera de (?:la )?oficina",
    "ausente",
    "fuori (?:ufficio|sede)",
    "assente",
    "afwezig",
    "ausência",
    "fora do escritório",
    "nieobecno(?:ść|sc)",
    "poza biurem",
    "отсутству(?:ю|ет)",
    "отсутствие",
    "в отпуске",
    "(?:меня )?нет в офисе",
    "відсутн(?:ій|ість)",
    "frånvarande",
    "frånvaro",
    "fravær(?:ende)?",
    "ikke på kontoret",
    "poissa(?:olo)?",
    "mimo kancelář",
    "nepřítomnost",
    "távollét",
    "ofis dışında",
    "(?:不在|休暇|外出)(?:の?(?:お知らせ|ご連絡|連絡|通知)|中)?",
    "(?:休假|外出)(?:通知|中)?",
    "부재(?: ?(?:중|안내))?",
    before=r"\s*",
    after=r"(?![^\W_])",
)

AWAY_BODY = _any(
    r"\b(?:i am|i'm|i will be|i'll be)\s+(?:currently\s+)?(?:out of (?:the )?office|on (?:vacation|leave|holiday))",
    r"\bthis is an auto(?:mated|matic)",
    r"\bich bin .{0,60}(?:nicht (?:im büro|erreichbar|im hause)|abwesend|außer haus)",
    r"\bje suis (?:actuellement )?absente?\b",
    r"\best(?:oy|ar[eé]) (?:fuera|ausente)\b",
    r"\bsono (?:assente|fuori)\b",
    r"\bik ben (?:momenteel )?(?:afwezig|niet aanwezig)\b",
    r"\bestou (?:ausente|fora)\b",
    r"\b(?:jestem|będę) (?:obecnie )?(?:nieobecn[ya]|poza biurem|na urlopie)",
    r"\bя (?:сейчас |временно )?(?:отсутствую|нахожусь в отпуске|в отпуске)",
    r"\bя (?:зараз )?(?:відсутн(?:ій|я)|у відпустці)",
    r"\bjag är (?:just nu )?(?:frånvarande|på semester|inte på kontoret)",
    r"\bjeg er (?:for (?:tiden|øyeblikket) )?(?:fraværende|på ferie|ikke på kontoret)",
    r"\bolen (?:tällä hetkellä )?(?:poissa|lomalla)\b",
    r"\bjsem (?:momentálně )?(?:mimo kancelář|na dovolené|nepřítomn)",
    r"\b(?:szabadságon|házon kívül) vagyok\b",
    r"\b(?:ofis dışındayım|izindeyim)",
    r"不在にして(?:おり|い)ます|休暇を(?:いただいて|取って)",
    r"我(?:目前|现在|正在)?(?:不在办公室|休假|外出)",
    r"부재 ?중|휴가 ?중",
)
