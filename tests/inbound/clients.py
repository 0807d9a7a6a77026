"""What six mail programs write around a reply, in eleven languages: the lines above the quotation and the signature.

The words are the programs' own, as their users see them; names, addresses and dates are ours. A program's plain text
and its HTML are both here, in the structure that it sends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

WHO, MAIL = "Larkspur", "support@larkspur.example"
NAME = f"{WHO} <{MAIL}>"

QUESTIONS = {
    "en": "Where is my parcel? I have been waiting for a week.",
    "de": "Wo ist mein Paket? Ich warte schon seit einer Woche.",
    "fr": "Où est mon colis ? Je l'attends depuis une semaine.",
    "es": "¿Dónde está mi paquete? Lo espero desde hace una semana.",
    "nl": "Waar is mijn pakket? Ik wacht er al een week op.",
    "it": "Dov'è il mio pacco? Lo aspetto da una settimana e non arriva.",
    "pt": "Onde está a minha encomenda? Estou à espera há uma semana.",
    "pl": "Gdzie jest moja paczka? Czekam na nią już od tygodnia.",
    "ru": "Где моя посылка? Я жду её уже целую неделю.",
    "zh": "我的包裹在哪里？我已经等了一个星期了。",
    "ja": "荷物はどこですか。もう一週間も待っています。",
}

GMAIL = {
    "en": f"On Fri, Nov 20, 2026 at 10:00 AM {NAME} wrote:",
    "de": f"Am Fr., 20. Nov. 2026 um 10:00 Uhr schrieb {NAME}:",
    "fr": f"Le ven. 20 nov. 2026 à 10:00, {NAME} a écrit :",
    "es": f"El vie, 20 nov 2026 a las 10:00, {WHO} (<{MAIL}>) escribió:",
    "nl": f"Op vr 20 nov 2026 om 10:00 schreef {NAME}:",
    "it": f"Il giorno ven 20 nov 2026 alle ore 10:00 {NAME} ha scritto:",
    "pt": f"Em sex., 20 de nov. de 2026 às 10:00, {NAME} escreveu:",
    "pl": f"pt., 20 lis 2026 o 10:00 {NAME} napisał(a):",
    "ru": f"пт, 20 нояб. 2026 г. в 10:00, {NAME}:",
    "zh": f"{NAME} 于2026年11月20日周五 10:00写道：",
    "ja": f"2026年11月20日(金) 10:00 {NAME}:",
}
APPLE = {
    "en": f"On 20 Nov 2026, at 10:00, {NAME} wrote:",
    "de": f"Am 20.11.2026 um 10:00 schrieb {NAME}:",
    "fr": f"Le 20 nov. 2026 à 10:00, {NAME} a écrit :",
    "es": f"El 20 nov 2026, a las 10:00, {NAME} escribió:",
    "nl": f"Op 20 nov 2026, om 10:00 heeft {NAME} het volgende geschreven:",
    "it": f"Il giorno 20 nov 2026, alle ore 10:00, {NAME} ha scritto:",
    "pt": f"Em 20 de nov. de 2026, à(s) 10:00, {NAME} escreveu:",
    "pl": f"Wiadomość napisana przez {NAME} w dniu 20 lis 2026, o godz. 10:00:",
    "ru": f"20 нояб. 2026 г., в 10:00, {NAME} написал(а):",
    "zh": f"2026年11月20日 10:00，{NAME} 写道：",
    "ja": f"2026/11/20 10:00、{NAME}のメール:",
}
THUNDERBIRD = {
    "en": f"On 11/20/26 10:00, {WHO} wrote:",
    "de": f"Am 20.11.26 um 10:00 schrieb {WHO}:",
    "fr": f"Le 20/11/2026 à 10:00, {WHO} a écrit :",
    "es": f"El 20/11/26 a las 10:00, {WHO} escribió:",
    "nl": f"Op 20-11-2026 om 10:00 schreef {WHO}:",
    "it": f"Il 20/11/2026 10:00, {WHO} ha scritto:",
    "pt": f"Em 20/11/2026 10:00, {WHO} escreveu:",
    "pl": f"W dniu 20.11.2026 o 10:00, {WHO} pisze:",
    "ru": f"20.11.2026 10:00, {WHO} пишет:",
    "zh": f"在 2026/11/20 10:00, {WHO} 写道:",
    "ja": f"On 2026/11/20 10:00, {WHO} wrote:",
}
YAHOO = {
    "en": f"On Friday, November 20, 2026 at 10:00:00 AM GMT+1, {NAME} wrote:",
    "de": f"Am Freitag, 20. November 2026 um 10:00:00 MEZ hat {NAME} Folgendes geschrieben:",
    "fr": f"Le vendredi 20 novembre 2026 à 10:00:00 UTC+1, {NAME} a écrit :",
    "es": f"El viernes, 20 de noviembre de 2026, 10:00:00 CET, {NAME} escribió:",
    "nl": f"Op vrijdag 20 november 2026 om 10:00:00 CET schreef {NAME}:",
    "it": f"Il venerdì 20 novembre 2026 alle ore 10:00:00 CET, {NAME} ha scritto:",
    "pt": f"Em sexta-feira, 20 de novembro de 2026 às 10:00:00 BRT, {NAME} escreveu:",
    "pl": f"piątek, 20 listopada 2026 10:00:00 CET, {NAME} napisał(a):",
    "ru": f"пятница, 20 ноября 2026 г., 10:00:00 GMT+3, {NAME} написал(а):",
    "zh": f"在 2026年11月20日 星期五 上午10:00:00 [GMT+8]， {NAME} 写道：",
    "ja": f"2026年11月20日金曜日 10:00:00 JST、{NAME}さんが書きました:",
}
PROTON = {
    "en": f"On Friday, November 20th, 2026 at 10:00, {NAME} wrote:",
    "de": f"Am Freitag, 20. November 2026 um 10:00, {NAME} schrieb:",
    "fr": f"Le vendredi 20 novembre 2026 à 10:00, {NAME} a écrit :",
    "es": f"El viernes, 20 de noviembre de 2026 a las 10:00, {NAME} escribió:",
    "nl": f"Op vrijdag 20 november 2026 om 10:00, {NAME} schreef:",
    "it": f"Venerdì 20 novembre 2026 alle 10:00, {NAME} ha scritto:",
    "pt": f"Sexta-feira, 20 de novembro de 2026 às 10:00, {NAME} escreveu:",
    "pl": f"piątek, 20 listopada 2026 o 10:00, {NAME} napisał(a):",
    "ru": f"В пятница, 20 ноября 2026 г. в 10:00, {NAME} написал(а):",
    "zh": f"2026年11月20日星期五 10:00，{NAME} 写道：",
    "ja": f"2026年11月20日金曜日 10:00に、{NAME}さんは書きました：",
}
OUTLOOK = {
    "en": f"From: {NAME}\nSent: Friday, November 20, 2026 10:00 AM\nTo: Ann\nSubject: Your order",
    "de": f"Von: {NAME}\nGesendet: Freitag, 20. November 2026 10:00\nAn: Ann\nBetreff: Ihre Bestellung",
    "fr": f"De : {NAME}\nEnvoyé : vendredi 20 novembre 2026 10:00\nÀ : Ann\nObjet : Votre commande",
    "es": f"De: {NAME}\nEnviado el: viernes, 20 de noviembre de 2026 10:00\nPara: Ann\nAsunto: Su pedido",
    "nl": f"Van: {NAME}\nVerzonden: vrijdag 20 november 2026 10:00\nAan: Ann\nOnderwerp: Uw bestelling",
    "it": f"Da: {NAME}\nInviato: venerdì 20 novembre 2026 10:00\nA: Ann\nOggetto: Il suo ordine",
    "pt": f"De: {NAME}\nEnviada em: sexta-feira, 20 de novembro de 2026 10:00\nPara: Ann\nAssunto: A sua encomenda",
    "pl": f"Od: {NAME}\nWysłano: piątek, 20 listopada 2026 10:00\nDo: Ann\nTemat: Zamówienie",
    "ru": f"От: {NAME}\nОтправлено: 20 ноября 2026 г. 10:00\nКому: Ann\nТема: Ваш заказ",
    "zh": f"发件人: {NAME}\n发送时间: 2026年11月20日 10:00\n收件人: Ann\n主题: 您的订单",
    "ja": f"差出人: {NAME}\n送信日時: 2026年11月20日 10:00\n宛先: Ann\n件名: ご注文",
}
ORIGINAL = {
    "en": "-----Original Message-----",
    "de": "-----Ursprüngliche Nachricht-----",
    "fr": "-----Message d'origine-----",
    "es": "-----Mensaje original-----",
    "nl": "-----Oorspronkelijk bericht-----",
    "it": "-----Messaggio originale-----",
    "pt": "-----Mensagem original-----",
    "pl": "-----Wiadomość oryginalna-----",
    "ru": "-----Исходное сообщение-----",
    "zh": "-----邮件原件-----",
    "ja": "-----元のメッセージ-----",
}
"""Outlook's divider in plain text, above its block of fields."""

PHONES = {
    "Apple Mail": {
        "en": "Sent from my iPhone",
        "de": "Von meinem iPhone gesendet",
        "fr": "Envoyé de mon iPhone",
        "es": "Enviado desde mi iPhone",
        "nl": "Verstuurd vanaf mijn iPhone",
        "it": "Inviato da iPhone",
        "pt": "Enviado do meu iPhone",
        "pl": "Wysłane z iPhone'a",
        "ru": "Отправлено с iPhone",
        "zh": "发自我的iPhone",
        "ja": "iPhoneから送信",
    },
    "Outlook": {
        "en": "Get Outlook for iOS",
        "de": "Holen Sie sich Outlook für iOS",
        "fr": "Télécharger Outlook pour iOS",
        "es": "Obtener Outlook para iOS",
        "nl": "Outlook voor iOS downloaden",
        "it": "Scarica Outlook per iOS",
        "pt": "Obter o Outlook para iOS",
        "pl": "Pobierz aplikację Outlook dla systemu iOS",
        "ru": "Получить Outlook для iOS",
        "zh": "获取 Outlook for iOS",
        "ja": "Outlook for iOS を入手",
    },
    "Yahoo": {
        "en": "Sent from Yahoo Mail for iPhone",
        "de": "Gesendet von Yahoo Mail auf Android",
        "fr": "Envoyé à partir de Yahoo Mail pour Android",
        "es": "Enviado desde Yahoo Mail para Android",
        "nl": "Verzonden vanuit Yahoo Mail op Android",
        "it": "Inviato da Yahoo Mail su Android",
        "pt": "Enviado do Yahoo Mail no Android",
        "pl": "Wysłane z Yahoo Mail na Androidzie",
        "ru": "Отправлено из Yahoo Почты для Android",
        "zh": "从我的 Yahoo Mail 发送",
        "ja": "AndroidのYahooメールから送信",
    },
    "ProtonMail": {
        "en": "Sent with Proton Mail secure email.",
        "de": "Gesendet mit Proton Mail.",
        "fr": "Envoyé avec la messagerie sécurisée Proton Mail.",
        "es": "Enviado con el correo electrónico seguro de Proton Mail.",
        "nl": "Verzonden met Proton Mail beveiligde e-mail.",
        "it": "Inviato con l'email sicura Proton Mail.",
        "pt": "Enviado com o e-mail seguro Proton Mail.",
        "pl": "Wysłano z bezpiecznej poczty e-mail Proton Mail.",
        "ru": "Отправлено с помощью защищённой эл. почты Proton Mail.",
        "zh": "使用 Proton Mail 安全电子邮件发送。",
        "ja": "Proton Mailのセキュアなメールで送信されました。",
    },
}
CLOSINGS = {
    "en": "Kind regards,",
    "de": "Mit freundlichen Grüßen",
    "fr": "Cordialement,",
    "es": "Un saludo,",
    "nl": "Met vriendelijke groet,",
    "it": "Cordiali saluti",
    "pt": "Com os melhores cumprimentos,",
    "pl": "Z poważaniem",
    "ru": "С уважением,",
    "zh": "此致",
    "ja": "よろしくお願いいたします。",
}
DISCLAIMERS = {
    "en": "This e-mail and any attachments are confidential and intended solely for the addressee.",
    "de": "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, löschen Sie sie.",
    "fr": "Ce message et ses pièces jointes peuvent contenir des informations confidentielles.",
    "es": "Este mensaje es confidencial y está dirigido exclusivamente a su destinatario.",
    "nl": "Dit bericht is uitsluitend bestemd voor de geadresseerde.",
    "it": "Questo messaggio contiene informazioni riservate.",
    "pt": "Esta mensagem é confidencial e destina-se apenas ao seu destinatário.",
    "pl": "Niniejsza wiadomość jest poufna i przeznaczona wyłącznie dla adresata.",
    "ru": "Настоящее сообщение содержит конфиденциальную информацию.",
    "zh": "本邮件及其附件含有保密信息，仅供收件人使用。",
    "ja": "本メールには機密情報が含まれている場合があります。",
}
OLD = ("Dear Ann, your order LG-48213 left us on Monday.", "It will be with you soon.")


@dataclass(frozen=True)
class Reply:
    """One reply, in one language, as one program sends it."""

    plain: str
    html: str
    signature: str
    """What stands in the signature."""


def _lines(text: str, between: str = "<br>") -> str:
    return between.join(escape(line) for line in text.split("\n"))


def _gmail(language: str) -> Reply:
    head, question, closing = GMAIL[language], QUESTIONS[language], CLOSINGS[language]
    quoted = "\n".join(f"> {line}" for line in OLD)
    return Reply(
        f"{question}\n\n{closing}\nAnn\n\n{head}\n\n{quoted}\n",
        f'<div dir="ltr"><div>{escape(question)}</div><div><br></div><div>{escape(closing)}</div><div>Ann</div></div><br>'
        f'<div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">{escape(head)}<br></div>'
        f'<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">'
        f"{_lines(chr(10).join(OLD))}</blockquote></div>",
        closing,
    )


def _outlook(language: str) -> Reply:
    fields, question, phone = OUTLOOK[language], QUESTIONS[language], PHONES["Outlook"][language]
    bold = "<br>".join(
        f"<b>{escape(name)}{colon}</b>{escape(value)}"
        for name, colon, value in (line.partition(":") for line in fields.split("\n"))
    )
    return Reply(
        f"{question}\n\n{phone}<https://aka.ms/o0ukef>\n{ORIGINAL[language]}\n{fields}\n\n" + "\n\n".join(OLD) + "\n",
        f'<div class="WordSection1"><p class="MsoNormal">{escape(question)}</p><p class="MsoNormal">{escape(phone)}</p>'
        f'<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal">{bold}</p></div>'
        + "".join(f'<p class="MsoNormal">{escape(line)}</p>' for line in OLD)
        + "</div>",
        phone,
    )


def _apple(language: str) -> Reply:
    head, question, phone = APPLE[language], QUESTIONS[language], PHONES["Apple Mail"][language]
    quoted = "\n".join(f"> {line}" for line in OLD)
    return Reply(
        f"{question}\n\n{phone}\n\n> {head}\n> \n{quoted}\n"
        if language == "en"
        else f"{question}\n\n{phone}\n\n{head}\n\n{quoted}\n",
        f'<html><body dir="auto">{escape(question)}<br><br><div dir="ltr">{escape(phone)}</div><div dir="ltr"><br>'
        f'<blockquote type="cite">{escape(head)}<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">'
        f"{_lines(chr(10).join(OLD))}</div></blockquote></body></html>",
        phone,
    )


def _thunderbird(language: str) -> Reply:
    head, question, closing = THUNDERBIRD[language], QUESTIONS[language], CLOSINGS[language]
    quoted = "\n".join(f"> {line}" for line in OLD)
    return Reply(
        f"{head}\n{quoted}\n\n{question}\n\n-- \n{closing}\nAnn\n",
        f'<div class="moz-cite-prefix">{escape(head)}<br></div><blockquote type="cite" cite="mid:1@larkspur.example">'
        f"{_lines(chr(10).join(OLD))}</blockquote><p>{escape(question)}</p>"
        f'<div class="moz-signature">-- <br>{escape(closing)}<br>Ann</div>',
        closing,
    )


def _yahoo(language: str) -> Reply:
    head, question, phone = YAHOO[language], QUESTIONS[language], PHONES["Yahoo"][language]
    return Reply(
        f" {question}\n\n{phone}\n\n    {head}  \n \n  " + "\n\n".join(OLD) + "\n",
        f'<div class="ydp1yahoo-style-wrap"><div>{escape(question)}</div><div><br></div><div>{escape(phone)}</div></div>'
        f'<div id="ydp2yahoo_quoted_1" class="ydp2yahoo_quoted"><div><div>{escape(head)}</div><div><br></div>'
        + "".join(f"<div>{escape(line)}</div>" for line in OLD)
        + "</div></div>",
        phone,
    )


def _proton(language: str) -> Reply:
    head, question, phone = PROTON[language], QUESTIONS[language], PHONES["ProtonMail"][language]
    quoted = "\n".join(f"> {line}" for line in OLD)
    return Reply(
        f"{question}\n\n{phone}\n\n{head}\n\n{quoted}\n",
        f'<div style="font-family: Arial; font-size: 14px;">{escape(question)}</div><div><br></div>'
        f'<div class="protonmail_signature_block"><div class="protonmail_signature_block-proton">{escape(phone)}</div></div>'
        f'<div class="protonmail_quote">{escape(head)}<br><blockquote class="protonmail_quote" type="cite">'
        f"{_lines(chr(10).join(OLD))}</blockquote></div>",
        phone,
    )


CLIENTS: dict[str, Callable[[str], Reply]] = {
    "Gmail": _gmail,
    "Outlook": _outlook,
    "Apple Mail": _apple,
    "Thunderbird": _thunderbird,
    "Yahoo": _yahoo,
    "ProtonMail": _proton,
}
