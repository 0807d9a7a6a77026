"""New words apart from old ones, in many languages and from many programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.quoting import split

ATTRIBUTIONS = [
    "On Fri, Nov 20, 2026 at 10:00 AM Anna Berger <a@b.example> wrote:",
    "On Fri, Nov 20, 2026 at 10:00 AM Anna Berger <\na.very.long.address@b.example> wrote:",
    "On 20/11/2026 10:00, Anna wrote:",
    "On Friday, November 20th, 2026 at 10:00, Anna <a@b.example> wrote:",
    "20.11.2026, 10:00, Anna <a@b.example> wrote:",
    "Am 20.11.26 um 10:00 schrieb Anna Berger:",
    "Am Fr., 20. Nov. 2026 um 10:00 Uhr schrieb Anna Berger <a@b.example>:",
    "Anna Berger <a@b.example> schrieb am Fr., 20. Nov. 2026, 10:00:",
    "Le ven. 20 nov. 2026 à 10:00, Anna Berger <a@b.example> a écrit :",
    "Le 20/11/2026 à 10:00, Anna a écrit :",
    "El vie, 20 nov 2026 a las 10:00, Anna (<a@b.example>) escribió:",
    "Op vr 20 nov. 2026 om 10:00 schreef Anna Berger <a@b.example>:",
    "Il giorno ven 20 nov 2026 alle ore 10:00 Anna <a@b.example> ha scritto:",
    "Em sex., 20 de nov. de 2026 às 10:00, Anna <a@b.example> escreveu:",
    "pt., 20 lis 2026 o 10:00 Anna <a@b.example> napisał(a):",
    "W dniu 20.11.2026 o 10:00, Anna pisze:",
    "пт, 20 нояб. 2026 г. в 10:00, Anna <a@b.example>:",
    "20.11.2026 10:00, Anna пишет:",
    "20 ноября 2026 г., 10:00, Анна <a@b.example> написал(а):",
    "Anna <a@b.example> 于2026年11月20日周五 10:00写道：",
    "2026年11月20日(金) 10:00 Anna <a@b.example>:",
    "Den fre 20 nov. 2026 kl 10:00 skrev Anna <a@b.example>:",
    "Dne 20. 11. 2026 v 10:00 Anna <a@b.example> napsal(a):",
]

BLOCKS = [
    "From: Anna <a@b.example>\nSent: Friday, November 20, 2026 10:00 AM\nTo: Shop <s@c.example>\nSubject: Hi",
    "*From:* Anna <a@b.example>\n*Date:* Friday, November 20, 2026\n*To:* Shop\n*Subject:* Hi",
    "________________________________\nFrom: Anna <a@b.example>\nSent: Friday\nTo: Shop\nSubject: Hi",
    "Von: Anna <a@b.example>\nGesendet: Freitag, 20. November 2026 10:00\nAn: Shop\nBetreff: Hi",
    "De : Anna <a@b.example>\nEnvoyé : vendredi 20 novembre 2026\nÀ : Shop\nObjet : Hi",
    "De: Anna <a@b.example>\nEnviado: viernes, 20 de noviembre\nPara: Shop\nAsunto: Hi",
    "Van: Anna <a@b.example>\nVerzonden: vrijdag\nAan: Shop\nOnderwerp: Hi",
    "Da: Anna <a@b.example>\nInviato: venerdì\nA: Shop\nOggetto: Hi",
    "Od: Anna <a@b.example>\nWysłano: piątek\nDo: Shop\nTemat: Hi",
    "От: Anna <a@b.example>\nОтправлено: пятница\nКому: Shop\nТема: Hi",
    "发件人: Anna <a@b.example>\n发送时间: 2026年11月20日\n收件人: Shop\n主题: Hi",
    "差出人: Anna <a@b.example>\n送信日時: 2026年11月20日\n宛先: Shop\n件名: Hi",
    "Gesendet: Freitag, 20. November 2026 um 10:00 Uhr\nVon: Anna <a@b.example>\nAn: Shop\nBetreff: Hi",
    "envoyé : 20 novembre 2026 à 10:00\nde : Anna <a@b.example>\nà : Shop\nobjet : Hi",
    "---- 回复的原邮件 ----\n| 发件人 | Anna<a@b.example> |\n| 主题 | Hi |",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "----- Message d'origine -----",
    "## - Please type your reply above this line - ##",
]


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_begins_quoted_mail(attribution: str) -> None:
    """In eleven languages and more, wrapped or not; new words below the quotation are the author's again."""
    parts = split(f"New words.\n\n{attribution}\n\n> old words\n> more old\n\nNew again.")
    assert parts.new == "New words.\n\nNew again."
    assert "old words" in parts.quoted


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_without_marks_begins_history(attribution: str) -> None:
    """Programs that do not mark each line: all that follows is old."""
    parts = split(f"New words.\n\n{attribution}\n\nold words\n\nmore old")
    assert parts.new == "New words."
    assert "more old" in parts.quoted


@pytest.mark.parametrize("block", BLOCKS)
def test_the_fields_of_another_mail_begin_history(block: str) -> None:
    """As Outlook and others write them; and dividers."""
    parts = split(f"New words.\n\n{block}\n\nold words")
    assert parts.new == "New words."
    assert parts.quoted.endswith("old words")


@pytest.mark.parametrize(
    "text",
    [
        "Your colleague wrote:\nyou will get it back.\nIs that so?",
        "I wrote this to you last week: nothing came.",
        "From: where do you ship?\nThanks for an answer.",
        "To: do list\nDate: tomorrow\nthat is all.",
        "How much is the carriage?\n\nFrom: Leeds\nTo: York\nDate: 3 May\nThree spades.",
        "Hello,\n\nThis message is to ask where my order is.",
        "Hallo,\n\ndiese Mail ist mein dritter Versuch. Wo bleibt die Harke?",
        "Bonjour,\n\nce message est pour savoir où est ma commande.",
        "Hola,\n\neste correo es para preguntar por mi pedido.",
        "Hallo,\n\ndit bericht is een herinnering: waar blijft mijn pakket?",
        "Здравствуйте!\n\nДанное письмо отправляю второй раз. Где мой заказ?",
        "您好\n\n本邮件是想问我的订单在哪里？",
        "My order:\n- one rake\n- two spades",
        "-- a dash at the start of a sentence, and more.",
        "Sent from my old address you should have a mail, did it come?",
        "Hello,\n\nSent with DHL on Monday, it has not arrived.\nWhere is it?",
        "Sent via UPS on 3 May.\nPlease look.",
        "Sent via Royal Mail.\nWhere is it?",
        "Sent from my phone yesterday, no answer came.\nPlease look.",
        "Gesendet mit Hermes am Montag, nichts kam an.\nWas nun?",
        "Envoyé avec Chronopost lundi.\nRien ne vient.",
        "Thanks,\ncan you also send an invoice?",
        "Thank you for the quick answer. Does it fit model B?",
        "Anna <a@b.example>: she said that you would call.",
        "a > b\nc > d",
    ],
)
def test_what_is_no_quotation_stays(text: str) -> None:
    """A verb, a field name or a dash alone is not enough."""
    parts = split(text)
    assert parts.new == text
    assert not parts.only_quoted


@pytest.mark.parametrize(
    ("signature"),
    [
        "-- \nAnna Berger\nACME",
        "--\nAnna",
        "Sent from my iPhone",
        "Get Outlook for Android",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Verzonden vanaf mijn iPhone",
        "Inviato da iPhone",
        "Enviado do meu iPhone",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "发自我的iPhone",
        "iPhoneから送信",
        "Sent with Proton Mail secure email.",
        "Sent with [Proton Mail](https://proton.me/mail/home) secure email.",
        "This email and any attachments are confidential. If you are not the intended recipient, delete it.",
        "Diese E-Mail enthält vertrauliche Informationen.",
        "Le informazioni contenute in questa comunicazione sono riservate.",
        "Ce message et toutes les pièces jointes sont confidentiels.",
        "La información contenida en este mensaje es confidencial.",
        "As informações contidas nesta mensagem são confidenciais.",
        "De informatie in dit e-mailbericht is vertrouwelijk.",
        "Treść tej wiadomości zawiera informacje przeznaczone tylko dla adresata.",
        "Это сообщение является конфиденциальным.",
        "此邮件及其附件含有保密信息，仅限于发送给上述收件人。",
        "このメールには機密情報が含まれている場合があります。",
        "________________\nplot mailing list\nplot@lists.example",
        "Best regards,\nAnna Berger\n+49 30 000000",
        "Mit freundlichen Grüßen\nAnna Berger",
        "Cordialement,\nAnna",
        "Cordiali saluti / Best regards\nAnna",
        "Saludos,\nAnna",
        "Met vriendelijke groet,\nAnna",
        "Cordiali saluti\nAnna",
        "Atenciosamente,\nAnna",
        "Z poważaniem\nAnna",
        "С уважением,\nАнна",
        "此致\nAnna",
        "よろしくお願いいたします。\nAnna",
    ],
)
def test_a_signature_is_apart(signature: str) -> None:
    """Delimiters, devices, disclaimers, list footers, closing formulas."""
    parts = split(f"Where is my order?\n\n{signature}")
    assert parts.new == "Where is my order?"
    assert parts.signature == signature


def test_a_question_below_a_devices_line_is_new() -> None:
    """Who writes below it is not cut off; what asks nothing there is the device's."""
    parts = split("Hello.\n\nSent from my iPhone\n\nPS: could you\nsend an invoice?\n\nGet Outlook for iOS\n\nACME Ltd")
    assert parts.new == "Hello.\n\nPS: could you\nsend an invoice?"
    assert parts.signature.split() == ["Sent", "from", "my", "iPhone", "Get", "Outlook", "for", "iOS", "ACME", "Ltd"]


def test_a_signature_above_the_quotation() -> None:
    """Top-posted mail: text, signature, attribution, quotation."""
    parts = split("Yes.\n\n-- \nAnna\n\nOn 20 Nov 2026, at 10:00, Tom <t@b.example> wrote:\n> old")
    assert (parts.new, parts.signature) == ("Yes.", "-- \nAnna")
    assert parts.quoted.endswith("> old")


def test_answers_between_quoted_lines_are_new() -> None:
    """Inline answers keep their order."""
    parts = split("> first?\nyes\n> second?\nno")
    assert parts.new == "yes\nno"
    assert parts.quoted == "> first?\n> second?"


@pytest.mark.parametrize(
    "mark",
    [
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
    ],
)
def test_a_forwarded_mail_is_no_history(mark: str) -> None:
    """It is what the author sends."""
    parts = split(f"See below.\n\n{mark}\nFrom: A <a@b.example>\nDate: today\nSubject: x\nTo: y\n\nforwarded words")
    assert parts.forwarded
    assert "forwarded words" in parts.new


@pytest.mark.parametrize(
    "text", ["> only\n> quoted", "-- \nAnna", "On 20 Nov 2026 at 10:00 A wrote:\n> x", "Thanks,\nTom"]
)
def test_where_nothing_would_be_new_everything_is(text: str) -> None:
    """Text is never lost, and it is said."""
    parts = split(text)
    assert parts.new == text
    assert parts.only_quoted is not text.startswith("Thanks")


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 100_000,
        "On " * 60_000,
        "On\n" * 60_000,
        "On x wrote wrote wrote:\n" * 8_000,
        "From: a\n" * 20_000,
        "--\n" * 60_000,
    ],
)
def test_hostile_text_is_read_to_the_end(text: str) -> None:
    """What makes other reply strippers quadratic; a run that does not end fails the suite."""
    assert isinstance(split(text).new, str)


PIECES = ["> q", "new", "", "On 1.1.2026 A wrote:", "-- ", "From: a", "Sent: b", "To: c", "Thanks,", "Tom"]


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_line_is_lost(lines: list[str]) -> None:
    """Every word is in exactly one of the three parts."""
    text = "\n".join(lines)
    parts = split(text)
    there = sorted(f"{parts.new}\n{parts.quoted}\n{parts.signature}".split())
    assert there == sorted(text.split())


@pytest.mark.parametrize(
    "attribution", ["On Fri, Nov 20, 2026 at 10:00 AM Tom <t@b.example> wrote:", "Am 20.11.26 um 10:00 schrieb Tom:"]
)
def test_the_authors_last_line_is_no_part_of_the_attribution_below_it(attribution: str) -> None:
    """Also where no empty line stands between, and where it says a time itself."""
    for last in ("Please call me.", "Please call me at 10:00.", "It was sent on Monday."):
        parts = split(f"Hello,\n{last}\n{attribution}\n\nold words")
        assert parts.new == f"Hello,\n{last}"
        assert parts.quoted == f"{attribution}\n\nold words"
