"""What the author says now, apart from quoted history and signature. Line by line, linear.

Rules:
- An attribution line, a header block of another mail, or `>` lines begin quoted history; new lines after a `>` block
  are the author's again.
- A forwarded mail is no history: it is what the author sends; it stays.
- A signature starts at `-- ` or at the line of a phone or program; a disclaimer at its usual opening.
- All text is never lost: where nothing would be left, everything counts as new.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINES = 5_000
MAX_LINE = 1_000

_ATTRIBUTION = re.compile(
    r"(?ix)^\W*(?:"
    r"on\b.{4,200}\bwrote\s?:|am\b.{4,200}\bschrieb\b.{0,120}:|.{1,120}\bschrieb\s+am\b.{0,120}:|"
    r"le\b.{4,200}\ba\s+[eé]crit\s?:|el\b.{4,200}\bescribi[oó]\s?:|op\b.{4,200}\b(?:schreef|heeft)\b.{0,120}:|"
    r"il\b.{4,200}\bha\s+scritto\s?:|em\b.{4,200}\bescreveu\s?:|(?:w\s+dniu|dnia)\b.{4,200}\bnapisa[lł](?:\(a\)|a)?\s?:|"
    r"den\b.{4,200}\bskrev\b.{0,120}:|.{4,200}\b(?:пишет|написал|написала|написал\(а\))\s?:|"
    r".{4,200}(?:写道|寫道|のメール|書きました|さんは書きました)\s?[:：]|.{4,200}<[^<>@\s]+@[^<>@\s]+>\s*(?:wrote|schrieb|a\s+[eé]crit)\s?:"
    r")\s*$"
)
_DIVIDER = re.compile(
    r"(?ix)^\s*(?:-{2,}\s*(?:original\s+message|urspr[uü]ngliche\s+nachricht|message\s+d['’]origine|mensaje\s+original|"
    r"oorspronkelijk\s+bericht|messaggio\s+originale|mensagem\s+original|wiadomo[sś][cć]\s+oryginalna|"
    r"исходное\s+сообщение|原始邮件|原始郵件|元のメッセージ)\s*-{2,}|_{10,}|-{5,}\s*reply\s+above.*)\s*$"
)
_FIELD = re.compile(
    r"(?i)^\W{0,3}(?:from|von|de|van|da|od|от|发件人|寄件者|差出人|sent|gesendet|envoy[ée]|enviado(?: el)?|verzonden|inviato|"
    r"wys[lł]ano|отправлено|发送时间|送信日時|date|datum|fecha|data|дата|日期|日時|to|an|[àa]|para|aan|do|кому|收件人|宛先|"
    r"subject|betreff|objet|asunto|onderwerp|oggetto|assunto|temat|тема|主题|件名|cc|kopie)\W{0,2}\s?[:：]\s"
)
_FORWARD = re.compile(
    r"(?i)^\W*(?:forwarded message|begin forwarded message|weitergeleitete nachricht|message transf[ée]r[ée]|"
    r"mensaje reenviado|doorgestuurd bericht|messaggio inoltrato|mensagem encaminhada|пересылаемое сообщение|转发的邮件|"
    r"転送メッセージ)\b"
)
_PHONE = re.compile(
    r"(?i)^\W{0,3}(?:sent (?:from|with|via) (?:my |the )?\w|von mein(?:em|er) \w.{0,40}gesendet|gesendet (?:von|mit|aus) \w|"
    r"envoy[ée] (?:de|depuis|[àa] partir de) (?:mon|ma)?\s?\w|enviado desde (?:mi )?\w|verzonden (?:vanaf|met|vanuit) \w|"
    r"inviato da(?:l mio)? \w|enviado (?:do|a partir do) (?:meu )?\w|wys[lł]ane? z \w|отправлено (?:с|из) \w|发自我的|"
    r"iphoneから送信|get outlook for|diese nachricht wurde von).{0,80}$"
)
_DISCLAIMER = re.compile(
    r"(?i)^\W{0,3}(?:this (?:e-?mail|message)(?: and any attachments?| \(including any attachments\))? (?:is|are|may|contains?)"
    r"|the information (?:contained )?in this (?:e-?mail|message)|confidentiality notice|diese (?:e-?mail|nachricht) (?:enth[aä]lt|ist)"
    r"|ce (?:message|courriel) (?:et|est|peut)|este (?:mensaje|correo)|dit (?:bericht|e-?mail)|questo messaggio|esta mensagem"
    r"|please consider the environment)\b"
)
_RULE = re.compile(r"^\s*(?:_{10,}|={10,}|\*{10,})\s*$")
_LIST = re.compile(
    r"(?i)\bmailing list\b|\bunsubscribe\b|/listinfo/|\bgoogle groups\b|\babmelden\b|\bse d[ée]sabonner\b"
)
_DASHES = re.compile(r"^--\s?$")


@dataclass(frozen=True)
class Parts:
    """One text, taken apart."""

    new: str
    quoted: str
    signature: str
    forwarded: bool = False


def split(text: str) -> Parts:
    """Take a normalised text (LF line ends) apart."""
    lines = text.split("\n")
    kinds = _kinds(lines[:MAX_LINES])
    kinds += [kinds[-1] if kinds else "new"] * (len(lines) - len(kinds))
    parts = {
        kind: "\n".join(line for line, found in zip(lines, kinds, strict=True) if found == kind).strip("\n")
        for kind in ("new", "quoted", "signature")
    }
    forwarded = any(_FORWARD.match(line[:MAX_LINE]) for line in lines[:MAX_LINES])
    if not parts["new"].strip():
        return Parts(text.strip("\n"), "", "", forwarded)
    return Parts(_close_up(parts["new"]), parts["quoted"], parts["signature"], forwarded)


def _kinds(lines: list[str]) -> list[str]:
    """new, quoted or signature for each line."""
    kinds: list[str] = []
    state = "new"
    wrapped = False
    for at, line in enumerate(lines):
        short = line[:MAX_LINE]
        if state == "history" or wrapped:
            wrapped = False
            kinds.append("quoted")
            continue
        if short.lstrip().startswith(">"):
            state = "quoted"
        elif _FORWARD.match(short):
            state = "forwarded"
        elif state != "forwarded" and (begun := _begins_history(lines, at)):
            state = begun
        elif state == "quoted" and short.strip():
            state = "new"
        elif state == "new" and (_ends_text(short) or _begins_footer(lines, at)):
            state = "signature"
        kinds.append({"history": "quoted", "attribution": "quoted", "forwarded": "new"}.get(state, state))
        if state == "attribution":
            state = "quoted"
            wrapped = not _ATTRIBUTION.match(short)
    return kinds


def _begins_history(lines: list[str], at: int) -> str:
    """`attribution` before `>` lines, `history` where all that follows is quoted, empty where nothing begins."""
    line = lines[at][:MAX_LINE]
    wrapped = (line + " " + lines[at + 1][:MAX_LINE].strip()) if at + 1 < len(lines) else ""
    alone = _ATTRIBUTION.match(line) is not None
    if alone or (wrapped and len(line) > 15 and not wrapped.endswith(line) and _ATTRIBUTION.match(wrapped)):
        rest = [one for one in lines[at + (1 if alone else 2) : at + 8] if one.strip()]
        return "attribution" if rest and rest[0].lstrip().startswith(">") else "history"
    if _DIVIDER.match(line):
        following = [one for one in lines[at + 1 : at + 5] if one.strip()]
        return "history" if "_" not in line or (following and _FIELD.match(following[0][:MAX_LINE])) else ""
    fields = sum(_FIELD.match(one[:MAX_LINE]) is not None for one in lines[at : at + 5])
    return "history" if fields >= 3 and _FIELD.match(line) else ""


def _begins_footer(lines: list[str], at: int) -> bool:
    """A rule above the few last lines, which are a mailing list's or group's own."""
    rest = lines[at + 1 :]
    if not _RULE.match(lines[at][:MAX_LINE]) or len(rest) > 12:
        return False
    return _LIST.search("\n".join(line[:MAX_LINE] for line in rest)) is not None


def _ends_text(line: str) -> bool:
    return any(pattern.match(line) for pattern in (_DASHES, _PHONE, _DISCLAIMER))


def _close_up(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n")
