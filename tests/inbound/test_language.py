"""The language of what a customer writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.language import NAMES, detect
from inbound.mime import normalize

SAID = {
    "en": (
        "What are your opening hours on Saturday?",
        "Where is my order LG-48213? It has not arrived yet.",
        "I would like to return the rake, how does that work?",
        "Can you send me the invoice again please?",
    ),
    "de": (
        "Wann haben Sie am Samstag geöffnet?",
        "Wo bleibt meine Bestellung LG-48213? Sie ist noch nicht da.",
        "Ich möchte den Rechen zurückgeben, wie geht das?",
        "Koennen Sie mir bitte die Rechnung noch einmal schicken?",
    ),
    "fr": (
        "Quels sont vos horaires d'ouverture le samedi ?",
        "Où est ma commande LG-48213 ? Je ne l'ai pas encore reçue.",
        "Je voudrais renvoyer le râteau, comment faire ?",
        "Pouvez-vous me renvoyer la facture s'il vous plaît ?",
    ),
    "es": (
        "¿Cuál es su horario de apertura los sábados?",
        "¿Dónde está mi pedido LG-48213? Todavía no ha llegado.",
        "Me gustaría devolver el rastrillo, ¿cómo lo hago?",
        "¿Pueden enviarme la factura otra vez, por favor?",
    ),
    "nl": (
        "Wat zijn jullie openingstijden op zaterdag?",
        "Waar is mijn bestelling LG-48213? Die is nog niet aangekomen.",
        "Ik wil graag de hark terugsturen, hoe werkt dat?",
        "Kunt u mij de factuur nog een keer sturen?",
    ),
    "it": (
        "Quali sono i vostri orari di apertura il sabato?",
        "Dov'è il mio ordine LG-48213? Non è ancora arrivato.",
        "Vorrei restituire il rastrello, come posso fare?",
        "Potete mandarmi di nuovo la fattura per favore?",
    ),
    "pt": (
        "Qual é o horário de funcionamento aos sábados?",
        "Onde está o meu pedido LG-48213? Ainda não chegou.",
        "Gostaria de devolver o ancinho, como faço isso?",
        "Podem enviar-me a fatura outra vez, por favor? Obrigado",
    ),
    "pl": (
        "Jakie są godziny otwarcia w sobotę?",
        "Gdzie jest moje zamówienie LG-48213? Jeszcze nie dotarło.",
        "Chciałbym zwrócić grabie, jak to zrobić?",
        "Czy mogą Państwo przesłać mi fakturę jeszcze raz?",
    ),
    "ru": (
        "Какие у вас часы работы в субботу?",
        "Где мой заказ LG-48213? Он ещё не пришёл.",
        "Я хотел бы вернуть грабли, как это сделать?",
        "Вы можете прислать мне счёт ещё раз?",
    ),
    "zh": (
        "你们星期六的营业时间是几点？",
        "我的订单LG-48213在哪里？还没有收到。",
        "我想退回耙子，怎么办理？",
        "請再寄一次發票給我好嗎？",
    ),
    "ja": (
        "土曜日の営業時間を教えてください。",
        "注文番号LG-48213の商品がまだ届いていません。",
        "熊手を返品したいのですが、どうすればよいですか。",
        "請求書をもう一度送っていただけますか。",
    ),
}


@pytest.mark.parametrize(("language", "text"), [(code, text) for code, texts in SAID.items() for text in texts])
def test_a_customers_question_has_its_language(language: str, text: str) -> None:
    """One sentence is enough, also without the letters that a keyboard lacks."""
    assert detect(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "LG-48213",
        "OK",
        "https://shop.example/the/and/you/is/are",
        "the.and@you.example",
        "Anna Berger",
        "4711 0815 12.11.2026",
        "Lorem ipsum dolor",
        "Voisitteko lähettää laskun uudelleen?",
        "Mikor érkezik meg a rendelésem?",
    ],
)
def test_where_nobody_can_say_nothing_is_said(text: str) -> None:
    """Too short, no words, or a language that is not listed: no guess."""
    assert detect(text) == ""


def test_a_foreign_word_changes_nothing() -> None:
    """Product names and a greeting in another language."""
    assert detect("Hi team, wann wird mein Garden Rake Deluxe for Professionals geliefert? Best regards") == "de"
    assert detect("Is the Gartenschere mit Griff für Linkshänder still in the shop? I could not find it.") == "en"


def test_the_authors_own_words_decide() -> None:
    """Not the history below, in whatever language that was; where they are too few, the subject helps."""
    raw = (
        b"From: a@b.example\nSubject: Re: your order\nContent-Type: text/plain; charset=utf-8\n\n"
        b"Wann wird meine Bestellung geliefert?\n\n"
        b"On Fri, Nov 20, 2026 at 10:00 AM Shop <s@c.example> wrote:\n"
        b"> Thank you for your order. It will be with you soon.\n"
    )
    assert normalize(raw).model_dump()["language"] == "de"
    short = b"From: a@b.example\nSubject: Wo ist meine Bestellung?\nContent-Type: text/plain\n\nLG-48213\n"
    assert normalize(short).model_dump()["language"] == "de"


@given(st.text(max_size=300))
def test_any_text_has_one_answer(text: str) -> None:
    """Never an error; a code that people have a name for, or none, and the same again."""
    found = detect(text)
    assert found == detect(text)
    assert found in {"", *NAMES}
