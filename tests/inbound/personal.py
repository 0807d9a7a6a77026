"""Mail of persons in the shapes of many mail programs, with the words of machines used innocently. Made by a seed.

Each mail is one of: written anew, an answer, passed on inside the text or attached, through a group, an invitation,
signed, with a file. None of them is automatic, whatever words stand in it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from email.header import Header

SEED = 7
PEOPLE = (
    ("Noah Replyson", "noah.replyson"), ("Nora Daemon", "nora"), ("Otto Bounce", "otto.bounce"),
    ("Ann Marsh", "ann"),
    ("Mailin Demmer", "mailin.demmer"), ("Dorota Nowak", "d.nowak"), ("Søren Ude", "soeren"),
    ("Auto Haus Meyer", "info"),
    ("Vacation Rentals Ltd", "office"), ("José Ausente", "jose"), ("Post Master Carpentry", "postmastercarpentry"),
    ("Reply Donnelly", "reply.donnelly"), ("田中 不在", "tanaka"), ("Список Покупок", "spisok"),
)  # fmt: skip
DOMAINS = (
    "gmail.com",
    "outlook.example",
    "icloud.example",
    "web.example",
    "shop.example",
    "uni.example",
    "firma.example",
)
SAID = (
    ("Out of office chairs?", "Do you sell office chairs, or are you out of them?"),
    ("Vacation", "We are on vacation from Monday. Please deliver the spade after the 12th."),
    ("My vacation house", "I will be on vacation in May. Is the house free?"),
    ("Undelivered parcel", "My parcel was not delivered. The courier says: delivery failed, nobody at home."),
    ("Delivery failure", "The delivery failed for the second time. Can you send it again?"),
    ("Failure notice?", "I got a failure notice when I wrote to sales@ yesterday. Is that address right?"),
    ("Returned mail", "The post returned my letter to you, so here it is by mail."),
    ("Automatic watering", "Does the automatic watering set reply to its remote control? Ours gives no response."),
    ("Auto reply", "Your auto reply said that you would write within two days. It has been five."),
    ("Autoresponder", "How do I switch on the autoresponder that I bought from you?"),
    ("Do not reply", "Please do not reply by telephone, I am hard of hearing. Mail is best."),
    ("Unsubscribe", "Please take me off your newsletter list. Unsubscribe does not work."),
    ("Mailing list", "Is there a mailing list for members? I should like to subscribe."),
    ("Spam", "Your mails land in spam here. Is something wrong with your server?"),
    ("Abuse", "I wish to report abuse of your name on a market place."),
    ("Complaint about message", "A complaint about a message that your colleague left on my phone."),
    ("Read: your book", "I have read your book on hedges and have a question about page 12."),
    ("Accepted", "I accept your offer. When can you come?"),
    ("Declined", "Your card reader declined my card on Saturday. What now?"),
    ("Urlaub", "Ich bin ab Montag im Urlaub, bitte liefern Sie später."),
    ("Abwesenheit", "In meiner Abwesenheit hat der Nachbar das Paket angenommen, es ist aber leer."),
    ("Automatische Türen", "Haben Sie auch automatische Antriebe für Garagentore?"),
    ("Unzustellbar?", "Meine Mail kam zurück, angeblich unzustellbar. Kommt diese an?"),
    ("Absence", "Pendant mon absence le colis a été posé devant la porte. Il est mouillé."),
    ("Réponse", "Je n'ai pas de réponse à ma question. Avez-vous des râteaux ?"),
    ("Fuera de plazo", "Estoy fuera de plazo para la devolución por dos días. ¿La aceptan?"),
    ("Respuesta", "Su respuesta automática decía dos días. ¿Hay novedades?"),
    ("Assente dal catalogo", "Il rastrello grande è assente dal catalogo. Lo vendete ancora?"),
    ("Afwezig", "De bezorger schreef dat ik afwezig was, maar ik was thuis."),
    ("Automatyczne nożyce", "Czy automatyczne nożyce są dostępne?"),
    ("Отпуск", "Я в отпуске до пятницы, пришлите заказ позже, пожалуйста."),
    ("不在の件", "昨日は不在でした。再配達をお願いできますか。"),
    ("自动浇水", "自动浇水器有货吗?"),
    ("Question", "What are your opening hours on Saturday?"),
    ("", "hi there, no subject today. is the rake in stock?"),
)
CLIENTS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("X-Gm-Message-State", "AOJu0Yy"), ("X-Google-Smtp-Source", "AGHT+IE")),
    (("X-Mailer", "Microsoft Outlook 16.0"), ("Thread-Index", "Adt0"), ("X-MS-Has-Attach", "")),
    (("x-ms-exchange-senderadcheck", "1"), ("X-MS-Exchange-CrossTenant-AuthAs", "Internal")),
    (("X-Mailer", "Apple Mail (2.3774.500.171)"),),
    (("X-Mailer", "iPhone Mail (21E236)"),),
    (("User-Agent", "Mozilla Thunderbird"), ("Content-Language", "en-GB")),
    (("X-Mailer", "WebService/1.1.22806 YMailNorrin"), ("References", "<1.2.ref@mail.yahoo.example>")),
    (("X-Pm-Message-ID", "d1e8"),),
    (("X-Priority", "3"), ("X-UI-Sender-Class", "724b4f7f"), ("Importance", "normal"), ("Sensitivity", "Normal")),
    (("User-Agent", "Mutt/2.2.9"), ("Precedence", "first-class")),
    (("User-Agent", "Roundcube Webmail/1.6.1"), ("X-Sender", "me@web.example")),
    (("User-Agent", "K-9 Mail for Android"), ("Auto-Submitted", "no")),
    (("Disposition-Notification-To", "me@web.example"), ("Return-Receipt-To", "me@web.example")),
    (("X-Spam-Status", "No, score=-1.1"), ("X-Virus-Scanned", "clean"), ("X-Auto-Response-Suppress", "RN, NRN")),
    (("X-Originating-IP", "[192.0.2.4]"), ("X-Mailer", "Zimbra 8.8.15"), ("Sensitivity", "Private")),
)  # fmt: skip
BOUNCE = (
    "From: MAILER-DAEMON@mx.example\r\nTo: me@web.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
    "Auto-Submitted: auto-replied\r\n\r\n<you@our.example>: 550 5.1.1 User unknown\r\n"
)
OUT = "From: bob@firma.example\r\nSubject: Automatic reply: Hello\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n"
GROUP = (("List-Id", "<help.group.example>"), ("Precedence", "list"), ("List-Unsubscribe", "<mailto:x@group.example>"))


@dataclass(frozen=True)
class Personal:
    shape: str
    raw: bytes
    forwarder: str | None = None
    """Of a mail through a group of ours."""


def mails(seed: int = SEED) -> list[Personal]:
    """Every sentence in every shape."""
    chance = random.Random(seed)
    return [_mail(chance, name, shape, *said) for said in SAID for name, shape in SHAPES.items()]


Shape = Callable[[str], tuple[str, str]]
"""From what is said: content type and body."""


def _mail(chance: random.Random, name: str, shape: Shape, subject: str, text: str) -> Personal:
    person, local = chance.choice(PEOPLE)
    marks = {"answer": ("Re: ", "AW: ", "RE: ", "Sv: "), "inline": ("Fwd: ", "WG: "), "bounce": ("Fwd: ", "TR: ")}
    subject = chance.choice(marks.get(name, ("",))) + subject
    content_type, body = shape(text)
    fields = [
        ("Received", "from sender (192.0.2.4) by mx.our.example; Fri, 20 Nov 2026 10:00:00 +0000"),
        *(GROUP if name == "group" else ()),
        ("From", f"{_word(person)} <{local}@{chance.choice(DOMAINS)}>"),
        ("To", "help@our.example"),
        ("Subject", _word(subject)),
        ("Date", "Fri, 20 Nov 2026 10:00:00 +0000"),
        ("Message-ID", f"<{chance.getrandbits(64):x}@web.example>"),
        *([("In-Reply-To", "<ours-1@elsewhere.example>")] if name == "answer" else []),
        ("MIME-Version", "1.0"),
        *chance.choice(CLIENTS),
        ("Content-Type", content_type),
    ]
    block = "".join(f"{field}: {value}\r\n" for field, value in fields)
    raw = f"{block}\r\n{body}".replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return Personal(name, raw, "group" if name == "group" else None)


def _word(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode()


def _several(kind: str, *parts: str) -> tuple[str, str]:
    return f'multipart/{kind}; boundary="=_b"', "".join(f"--=_b\r\n{part}\r\n" for part in parts) + "--=_b--\r\n"


def _plain(text: str, more: str = "") -> str:
    return f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n{more}"


QUOTED = (
    "\r\nOn Thu, 19 Nov 2026 at 09:00, Larkspur <help@our.example> wrote:\r\n> This is an automatic reply. "
    "We are out of the office.\r\n> Mail delivery failed: returning message to sender\r\n"
)
INLINE = (
    "\r\n---------- Forwarded message ---------\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\n"
    "Subject: Undelivered Mail Returned to Sender\r\n\r\n<you@our.example>: host mx said: 550 5.1.1 User unknown\r\n"
    "Final-Recipient: rfc822; you@our.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
)
INVITATION = (
    "Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n"
    "BEGIN:VEVENT\r\nSUMMARY:Visit\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
SHAPES: dict[str, Shape] = {
    "plain": lambda text: ("text/plain; charset=utf-8", f"{text}\r\n\r\nRegards\r\n"),
    "html": lambda text: ("text/html; charset=utf-8", f"<html><body><p>{text}</p></body></html>\r\n"),
    "both": lambda text: _several(
        "alternative", _plain(text), f"Content-Type: text/html; charset=utf-8\r\n\r\n<div>{text}</div>\r\n"
    ),
    "answer": lambda text: ("text/plain; charset=utf-8", f"{text}\r\n{QUOTED}"),
    "inline": lambda text: ("text/plain; charset=utf-8", f"{text}\r\n{INLINE}"),
    "bounce": lambda text: _several("mixed", _plain(text), f"Content-Type: message/rfc822\r\n\r\n{BOUNCE}"),
    "attached": lambda text: _several("mixed", _plain(text), f"Content-Type: message/rfc822\r\n\r\n{OUT}"),
    "group": lambda text: (
        "text/plain; charset=utf-8",
        f"{text}\r\n\r\n-- \r\nTo unsubscribe from this group, write.\r\n",
    ),
    "invitation": lambda text: _several("alternative", _plain(text), INVITATION),
    "signed": lambda text: _several(
        'signed; protocol="application/pgp-signature"; micalg=pgp-sha256',
        _plain(text),
        'Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n',
    ),
    "file": lambda text: _several(
        "mixed", _plain(text), 'Content-Type: application/pdf; name="out of office.pdf"\r\n\r\n%PDF\r\n'
    ),
}
