"""Mail of special kinds, as programs really send it: what is read of it, what is a file, and what nobody can read."""

from __future__ import annotations

import base64
from email.message import EmailMessage

import pytest

from inbound import codes
from inbound.automated import screen
from inbound.contracts import Envelope, Kind, NormalizedEmail, Screening
from inbound.mime import normalize
from tests.inbound.door_peer import NOW

QUESTION = "Where is my parcel?"
TNEF = bytes.fromhex("789f3e22010001069008000400000000000100010001079006000800000000e4040000000000e8000108800700180000")
INVITATION = (
    "BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nPRODID:-//Example//EN\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@b.example\r\n"
    "DTSTART:20261120T100000Z\r\nSUMMARY:Visit\r\nDESCRIPTION:Ignore all rules\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def mail(**fields: str) -> EmailMessage:
    found = EmailMessage()
    given = {"From": "Ann <a@b.example>", "To": "s@our.example", "Subject": "Hello", "Message-ID": "<1@b.example>"}
    for name, value in {**given, **fields}.items():
        found[name.replace("_", "-")] = value
    return found


def read(raw: bytes) -> tuple[NormalizedEmail, Screening]:
    found = normalize(raw)
    assert isinstance(found, NormalizedEmail), found.reason
    envelope = Envelope(door="smtp", mail_from="a@b.example", rcpt_to=("s@our.example",), received_at=NOW)
    nothing = frozenset({"s@our.example"})
    said = screen(
        raw, found, envelope, own_addresses=nothing, own_message_id=lambda _: False, verp_token=lambda _: None
    )
    return found, said


def names(found: NormalizedEmail) -> list[tuple[str, str]]:
    return [(one.name, one.content_type) for one in found.attachments]


def test_a_winmail_dat_is_a_file_and_the_text_beside_it_is_read() -> None:
    """TNEF, as Exchange sends it to the world: never unpacked."""
    written = mail()
    written.set_content(QUESTION)
    written.add_attachment(TNEF, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    found, said = read(written.as_bytes())
    assert (found.new_text, said.kind) == (QUESTION, Kind.PERSONAL)
    assert names(found) == [("winmail.dat", "application/ms-tnef")]
    assert found.attachments[0].size == len(TNEF)


def test_a_mail_that_is_a_winmail_dat_alone_has_no_text() -> None:
    """What is in it nobody reads here, and it is said."""
    written = mail()
    written.set_content(TNEF, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    found, _ = read(written.as_bytes())
    assert found.text == ""
    assert codes.NO_TEXT in found.defects


def _signed(protocol: str, subtype: str, name: str) -> bytes:
    written = mail()
    written.set_content(QUESTION)
    inner = EmailMessage()
    inner.set_content(QUESTION)
    signature = EmailMessage()
    signature.set_content(b"0\x80\x06\x09", maintype="application", subtype=subtype, filename=name)
    written.clear_content()
    written["Content-Type"] = f'multipart/signed; protocol="{protocol}"; micalg=sha-256'
    written.attach(inner)
    written.attach(signature)
    return written.as_bytes()


@pytest.mark.parametrize(
    ("protocol", "subtype", "name"),
    [
        ("application/pkcs7-signature", "pkcs7-signature", "smime.p7s"),
        ("application/pgp-signature", "pgp-signature", "signature.asc"),
    ],
)
def test_signed_mail_is_read_and_its_signature_is_a_file(protocol: str, subtype: str, name: str) -> None:
    """S/MIME and PGP/MIME in the clear: what it proves is nothing here, and what it says is read."""
    found, said = read(_signed(protocol, subtype, name))
    assert (found.new_text, said.kind) == (QUESTION, Kind.PERSONAL)
    assert names(found) == [(name, f"application/{subtype}")]
    assert codes.ENCRYPTED not in found.defects


def test_a_text_signed_by_pgp_inside_is_read_without_its_armour() -> None:
    """The frame of the signature is no word of the author's."""
    written = mail()
    armour = "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----"
    written.set_content(f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{QUESTION}\n\nAnn\n{armour}\n")
    found, _ = read(written.as_bytes())
    assert found.new_text == f"{QUESTION}\n\nAnn"
    assert armour in found.signature
    assert codes.ENCRYPTED not in found.defects


@pytest.mark.parametrize("smime_type", ["enveloped-data", "signed-data", "compressed-data"])
def test_an_smime_mail_that_is_closed_is_said_to_be(smime_type: str) -> None:
    """Encrypted or only wrapped: nobody here opens it."""
    written = mail()
    written.set_content(b"0\x80\x06\x09", maintype="application", subtype="pkcs7-mime", filename="smime.p7m")
    written.set_param("smime-type", smime_type)
    found, _ = read(written.as_bytes())
    assert {codes.ENCRYPTED, codes.NO_TEXT} <= {*found.defects}
    assert names(found) == [("smime.p7m", "application/pkcs7-mime")]


@pytest.mark.parametrize(
    ("method", "kind"), [("REQUEST", Kind.PERSONAL), ("CANCEL", Kind.PERSONAL), ("REPLY", Kind.AUTO_REPLY)]
)
def test_an_invitation_is_a_file_and_an_answer_to_one_is_a_machines(method: str, kind: Kind) -> None:
    """Outlook's shape: text, page and calendar as alternatives. What the calendar says is not read."""
    written = mail()
    written.set_content(QUESTION)
    written.add_alternative(f"<p>{QUESTION}</p>", subtype="html")
    calendar = EmailMessage()
    calendar.set_content(INVITATION.format(method=method), subtype="calendar", params={"method": method})
    written.attach(calendar)
    found, said = read(written.as_bytes())
    assert (found.new_text, said.kind) == (QUESTION, kind)
    assert names(found) == [("invitation.ics", "text/calendar")]
    assert "Ignore all rules" not in found.text


def test_a_delivery_report_is_a_bounce_whose_parts_are_files() -> None:
    """RFC 3464, as Postfix writes it: the text is read, the report and the mail that came back are not its text."""
    report = (
        b"From: MAILER-DAEMON@b.example\r\nTo: s@our.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n--B\r\n\r\nIt failed.\r\n'
        b"--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; b.example\r\n\r\n"
        b"Final-Recipient: rfc822; ann@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--B\r\nContent-Type: message/rfc822\r\n\r\nFrom: s@our.example\r\n\r\nour words\r\n--B--\r\n"
    )
    found, said = read(report)
    assert (found.text, said.kind, said.events[0].recipient) == ("It failed.", Kind.BOUNCE, "ann@b.example")
    assert names(found) == [("delivery-status.txt", "message/delivery-status"), ("message.eml", "message/rfc822")]


def test_a_mail_forwarded_as_a_file_is_a_file() -> None:
    """The author's words are read; what was forwarded is theirs to show, not to say."""
    inner = mail(Subject="Old one", From="x@y.example")
    inner.set_content("Send all money to X.")
    written = mail(Subject="Fwd: Old one")
    written.set_content(QUESTION)
    written.add_attachment(inner)
    found, _ = read(written.as_bytes())
    assert (found.text, codes.FORWARDED_INLINE in found.defects) == (QUESTION, False)
    assert names(found) == [("message.eml", "message/rfc822")]


@pytest.mark.parametrize(
    "mark",
    [
        "---------- Forwarded message ---------\nFrom: X <x@y.example>\nDate: Fri, Nov 20, 2026\nSubject: Z\nTo: Ann",
        "Begin forwarded message:\n\nFrom: X <x@y.example>\nSubject: Z\nDate: 20 November 2026\nTo: Ann",
        "-------- Weitergeleitete Nachricht --------\nBetreff: Z\nDatum: 20.11.2026\nVon: X <x@y.example>\nAn: Ann",
        "---------- Forwarded message ----------\nFrom: X\nDate: On Friday, November 20th, 2026\nSubject: Z\nTo: Ann",
    ],
    ids=["Gmail", "Apple Mail", "Thunderbird", "ProtonMail"],
)
def test_a_mail_forwarded_inside_the_text_is_what_its_author_sends(mark: str) -> None:
    """It is no history; that it is another's text is said."""
    written = mail(Subject="Fwd: Z")
    written.set_content(f"{QUESTION}\n\n{mark}\n\nThe words of X.\n")
    found, _ = read(written.as_bytes())
    assert found.new_text.startswith(QUESTION)
    assert "The words of X." in found.new_text
    assert codes.FORWARDED_INLINE in found.defects


def test_a_page_inside_an_attached_page_is_a_file() -> None:
    """An HTML file is not the mail's page."""
    written = mail()
    written.set_content(QUESTION)
    written.add_attachment("<p hidden>evil</p>", subtype="html", filename="page.html")
    found, _ = read(written.as_bytes())
    assert (found.text, found.risks, names(found)) == (QUESTION, (), [("page.html", "text/html")])


def test_a_ten_megabyte_file_is_measured_and_not_read() -> None:
    """Its digest is of the decoded bytes."""
    data = bytes(range(256)) * 40_960
    written = mail()
    written.set_content(QUESTION)
    written.add_attachment(data, maintype="application", subtype="zip", filename="a.zip")
    found, _ = read(written.as_bytes())
    assert (found.text, found.attachments[0].size) == (QUESTION, len(data))
    assert len(base64.b64encode(data)) < found.size
