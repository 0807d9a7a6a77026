"""What mail programs write around quoted mail and signatures, in the languages that they speak.

Rules:
- Each pattern is matched against one line of bounded length, from its start; none repeats a repetition.
- A language is one more alternative here, and one more row in the table of `tests/inbound/test_quoting.py`.
"""

from __future__ import annotations

import re

WROTE = re.compile(
    r"(?i)(?:\b(?:wrote|writes|schrieb|geschrieben|geschreven|schreef|a [ée]crit|escribi[óo]|escribe|ha scritto|scrive|escreveu|napisa[łl]"
    r"(?:\(a\)|a)?|pisze|skrev|kirjoitti|napsal(?:\(a\)|a)?|a scris|[íi]rta|yazd[ıi])|(?:пишет|пише|писал|написал)(?:\(а\)|а)?"
    r"|έγραψε|写道|寫道|书写|のメール|書きました|作成|작성).{0,80}[:：]\s*$"
    r"|^\s*wiadomo[sś][cć] napisana przez.{0,300}[:：]\s*$"
)
"""An attribution's verb, near the line's end. Alone it proves little: see WHEN."""

WHEN = re.compile(
    r"\b(?:19|20)\d\d\b|\d{4}[年년]|\b\d{1,2}[:.h]\d\d\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|[^\s@<>]@[^\s@<>]+\.\w"
)
"""A date, a time or an address in an attribution."""

DATED = re.compile(r"\b(?:19|20)\d\d\b|\d{4}[年년]|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")
"""A day in an attribution."""

DATED_ADDRESS = re.compile(
    r"(?:\b(?:19|20)\d\d\b|\d{4}[年년]|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b).{0,200}<[^<>\s]{1,200}@[^<>\s]{1,200}>\s?[:：]$"
)
"""An attribution without a verb, as Gmail writes it in Russian and Japanese: a date, then an address, then a colon."""

DIVIDER = re.compile(
    r"(?i)^\s*-{2,}\s*(?:original (?:message|appointment)|urspr[uü]ngliche (?:nachricht|mail)|message d['’]origine|message original"
    r"|mensaje original|oorspronkelijk bericht|messaggio originale|mensagem original|(?:wiadomo[sś][cć] )?oryginalna(?: wiadomo[sś][cć])?"
    r"|исходное сообщение|оригинальное сообщение|原始邮件|回复的原邮件|原始郵件|邮件原件|元のメッセージ|original besked|ursprungligt meddelande"
    r"|p[uů]vodn[ií] zpr[aá]va|alkuper[aä]inen viesti|원본 메시지|reply above this line.{0,40}|please reply above.{0,40})\s*-{0,20}\s*$"
    r"|^\s*#{2,}\s*-?\s*please type your reply above this line.{0,20}$"
)
"""A line that everything below is older than."""

FORWARD = re.compile(
    r"(?i)^[\s>*_-]{0,40}(?:forwarded (?:message|by)|begin forwarded message|weitergeleitete (?:nachricht|mail)"
    r"|anfang der weitergeleiteten|message (?:transf[ée]r[ée]|r[ée]exp[ée]di[ée])|d[ée]but du message (?:transf[ée]r[ée]|r[ée]exp)"
    r"|mensaje reenviado|inicio del mensaje reenviado|doorgestuurd bericht|begin doorgestuurd bericht|messaggio inoltrato"
    r"|inizio messaggio inoltrato|mensagem (?:encaminhada|reencaminhada)|przekazana wiadomo[sś][cć]"
    r"|(?:пересылаемое|пересланное|начало переадресованного) сообщени[ея]|转发的邮件|轉寄的郵件|転送メッセージ|転送されたメッセージ)"
)

FIELDS = {
    "from": re.compile(
        r"(?i)^[\s>*_|]{0,8}(?:from|von|de|van|da|od|от|від|发件人|寄件者|差出人|送信者|보낸 ?사람|fr[åa]n|fra|l[äa]hett[äa]j[äa])[*_]{0,2}\s?[:：]"
    ),
    "sent": re.compile(
        r"(?i)^[\s>*_|]{0,8}(?:sent|date|gesendet|datum|envoy[ée](?: le)?|enviad[oa](?: el| em)?|fecha|verzonden|inviato|data|wys[łl]an[oe]|odesl[áa]no"
        r"|отправлено|дата|发送时间|日期|送信日時|日時|寄件日期|보낸 ?날짜|skickat|sendt|l[äa]hetetty)[*_]{0,2}\s?[:：]"
    ),
    "to": re.compile(
        r"(?i)^[\s>*_|]{0,8}(?:to|an|[àa]|para|aan|do|komu|кому|收件人|收件者|宛先|받는 ?사람|till|til)[*_]{0,2}\s?[:：]"
    ),
    "subject": re.compile(
        r"(?i)^[\s>*_|]{0,8}(?:subject|betreff|objet|asunto|onderwerp|oggetto|assunto|temat|p[řr]edm[ěe]t|тема|主题|主旨|件名|제목|[äa]mne|emne|aihe)[*_]{0,2}\s?[:：]"
    ),
}
"""The fields that Outlook and others put above a quoted mail; a block has `from` and two others."""

SIGNED_TEXT = re.compile(r"^-----BEGIN PGP SIGNED MESSAGE-----\s*$")
"""Above a text that is signed inside (RFC 9580 section 7): a few lines about the hash and an empty one follow."""

SIGNATURE = re.compile(r"^-----BEGIN PGP SIGNATURE-----\s*$")

DEVICE = re.compile(
    r"(?i)^[\W_]{0,3}(?:sent (?:from|with|via|using) (?:my |the |an? )?\[?[\w.]|von meine[mr] [\w.-]{1,30}(?: [\w.-]{1,30}){0,3} gesendet|gesendet (?:von|mit|aus) \[?\w"
    r"|(?:envoy[ée]|exp[ée]di[ée]) (?:de|depuis|avec|[àa] partir de) |enviado (?:desde|con|com|do|pelo|a partir d[oe]) (?:mi |meu )?\w"
    r"|(?:verzonden|verstuurd) (?:vanaf|met|vanuit|via) \w|inviato (?:d(?:a|al|alla|al mio) |con (?:l['’])?)\w|wys[łl]an[eoy](?: wiadomo[śs][ćc])? (?:z|za pomoc[ąa]) \w"
    r"|отправлено (?:с|из|через) \w|发自我的|從我的.{1,20}傳送|从我的.{1,20}发送|(?:iphone|ipad|android)から送信|skickat fr[åa]n|sendt fra|odesl[áa]no z"
    r"|get outlook for|outlook (?:for|f[üu]r|pour|para|voor) (?:ios|android)|(?:holen sie sich|t[ée]l[ée]charger|obtenir|obtener|scarica|ottieni|obter o|baixar o|pobierz(?: aplikacj[ęe])?"
    r"|получить|скачать|获取|下载适用于 (?:ios|android) 的) ?outlook|(?:ios|android) 版 outlook を入手|使用 ?proton ?mail.{1,20}发送|proton ?mail ?の.{1,30}送信|(?:iphone|ipad|android) ?の ?yahoo.{1,10}から送信|diese nachricht wurde von mein|yahoo mail[:.]|sent with proton ?mail)"
)

PROGRAM = re.compile(
    r"(?i)iphone|ipad|ipod|ios\b|apple|macbook|android|samsung|galaxy|huawei|honor\b|xiaomi|redmi|oppo\b|oneplus|pixel|motorola|nokia"
    r"|sony|htc\b|blackberry|windows|phone|telefon|t[ée]l[ée]phone|tel[ée]fono|telefone|handy|mobile?\b|m[óo]vil|celular|cellulare"
    r"|smartphone|tablet|outlook|office 365|microsoft|gmail|google|yahoo|proton|thunderbird|tuta|gmx|web\.de|hey\.com|superhuman|shortwave"
    r"|missive|fastmail|posteo|aol\b|icloud|hotmail|zoho|yandex|mailspring|mailbird|em client|k-?9 mail|fairemail|blue ?mail|mail\.ru"
    r"|my device|ger[äa]t|t-online|laposte|libero|virgilio|почт|телефон|смартфон|邮|郵|手机|手機|メール|the all-new"
)
"""A program or a device, without which a line that begins like theirs is the author's: `Sent with DHL on Monday`."""

TOLD_WHEN = re.compile(
    r"(?i)\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|last (?:week|month|night)|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch"
    r"|gestern|heute|letzte woche|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|hier|aujourd.hui|lunes|martes|mi[ée]rcoles|jueves|viernes"
    r"|ayer|hoy|maandag|dinsdag|woensdag|donderdag|vrijdag|gisteren|vandaag|luned[ìi]|marted[ìi]|mercoled[ìi]|gioved[ìi]|venerd[ìi]|ieri|oggi"
    r"|segunda-feira|ontem|hoje|poniedzia[łl]ek|wczoraj|dzisiaj|вчера|сегодня)\b|\d{1,2}[./]\d{1,2}\.?"
)
"""A day in a line that begins like a program's: somebody tells of a parcel."""

DISCLAIMER = re.compile(
    r"(?i)^[\W_]{0,3}(?:th(?:is|e) (?:e-?mail|message|communication|transmission)(?: message)?(?: \([^()]{1,60}\))?(?: and (?:any|all|its) (?:\w+ )?(?:attachments?|files?)"
    r"(?: \w+){0,4})? (?:is|are|may|contains?|(?:is|are) intended)|(?:the )?information (?:contained |transmitted )?in this (?:e-?mail|message)|confidentiality (?:notice|note)"
    r"|(?:legal )?disclaimer\b|caution: this (?:e-?mail|message)|diese (?:e-?mail|nachricht|mail)(?: und \w+ \w+)? (?:enth[äa]lt|ist|kann)|der inhalt dieser (?:e-?mail|nachricht)"
    r"|ce (?:message|courriel|mail)(?: et \w+ \w+(?: \w+)?)? (?:est|peut|peuvent|contient|contiennent|sont)|este (?:mensaje|correo)(?: electr[óo]nico)? (?:es|puede|contiene|y)|dit (?:bericht|e-?mail)(?:bericht)? (?:is|kan|bevat)"
    r"|questo messaggio (?:[èe]|pu[òo]|contiene)|esta mensagem (?:[ée]|pode|cont[ée]m)|niniejsza wiadomo[śs][ćc]|настоящее (?:сообщение|письмо)|данное сообщение|本邮件|本メール"
    r"|le informazioni contenute in (?:quest[oa]|la presente)|ce message et toutes? (?:les|ses) pi[èe]ces jointes|les informations contenues dans ce (?:message|courriel|mail)"
    r"|la informaci[óo]n contenida en est[ea]|as informa[çc][õo]es contidas nest[ae]|de informatie in (?:dit|deze) (?:bericht|e-?mail)|(?:ta wiadomo[śs][ćc]|tre[śs][ćc] (?:tej|niniejszej) wiadomo[śs]ci) (?:jest|zawiera|mo[żz]e)"
    r"|это (?:электронное )?(?:сообщение|письмо)(?: и \w+ \w+(?: \w+)?)? (?:является|содержит|может содержать|предназначен)|[此该]邮件(?:及其|及|和|的|含|包含|可能|仅)|(?:この|当)(?:電子)?メール(?:に|およ|及び|は、?(?:機密|宛先|受信者))"
    r"|please consider the environment|bitte denken sie an die umwelt|pensez [àa] l['’]environnement)"
)

DISCLAIMS = re.compile(
    r"(?i)confiden|privileg|disclaim|\bcaution: this|intended|recipient|addressee|sole use|environment|virus|vertraul|empf[äa]nger|rechtlich|umwelt"
    r"|destinat|destin[ée]|l['’]attention|environnement|reservad|riservat|vertrouwelijk|bestemd|geadresseerde|poufn|adresat|przeznaczon"
    r"|конфиденц|получател|адресат|предназначен|保密|机密|機密|秘密|收件人|接收者|受信者|受取人|宛先"
)
"""What a disclaimer speaks of; without it a line that begins like one is what the author says of their own mail."""

CLOSING = re.compile(
    r"(?i)^\s*(?:(?:with )?(?:best|kind(?:est)?|warm(?:est)?|many)(?: and \w+)? (?:regards|wishes)|regards|cheers|sincerely|yours(?: (?:sincerely|faithfully|truly))?"
    r"|(?:all the )?best|many thanks|thanks(?: (?:a lot|again|in advance|so much))?|thank you(?: (?:very much|in advance))?|respectfully"
    r"|(?:mit )?(?:freundlichen?|besten?|herzlichen?|sch[öo]nen?|viele[n]?|liebe[n]?) (?:gr[üu](?:ß|ss)(?:e|en)?|gru(?:ß|ss))(?: aus \w+)?|mfg|vg|lg|gru(?:ß|ss)|hochachtungsvoll"
    r"|(?:bien )?cordialement|(?:meilleures|sinc[èe]res) salutations|bien [àa] vous|(?:un )?(?:cordial )?saludos?|saludos cordiales|atentamente|muchas gracias|cordialmente"
    r"|met vriendelijke groet(?:en)?|vriendelijke groet(?:en)?|hartelijke groet(?:en)?|groet(?:en|jes)?|cordiali saluti|distinti saluti|(?:un )?saluto|saluti|grazie(?: mille)?"
    r"|atenciosamente|(?:com os )?(?:melhores )?cumprimentos|abra[çc]os?|obrigad[oa]|z powa[żz]aniem|pozdrawiam(?: serdecznie)?|с уважением|с наилучшими пожеланиями|спасибо"
    r"|med v[äa]nlig(?:a)? h[äa]lsning(?:ar)?|(?:med )?venlig hilsen|mvh|yst[äa]v[äa]llisin terveisin|s pozdravem|此致|敬礼|祝好|谢谢|よろしくお願いいたします|よろしくお願いします|敬具|以上"
    r")[\s,.!。、，！-]{0,3}$"
)
"""A closing formula that stands alone on its line."""

FOOTER = re.compile(
    r"(?i)\bmailing list\b|\bunsubscribe\b|listinfo/|you received this message because you are subscribed"
)
"""Words behind a line of underscores that make it a list's footer."""
