"""What reports say about mail of ours."""

from __future__ import annotations

import pytest

from inbound.contracts import Kind, Screening
from tests.inbound.letters import envelope
from tests.inbound.test_automated import look


def report(status: str, *, kind: str = "delivery-status", part: str = "message/delivery-status") -> bytes:
    text = (
        "From: MAILER-DAEMON@mx.shop.example\nTo: bounces+tok1@our.example\nSubject: Undelivered Mail\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\n\n--b\nContent-Type: text/plain\n\nSorry.\n'
        f"--b\nContent-Type: {part}\n\n{status}\n--b\nContent-Type: message/rfc822\n\n"
        "From: help@our.example\nTo: ann@shop.example\nMessage-ID: <sent-1@our.example>\n\nHello\n--b--\n"
    )
    return text.replace("\n", "\r\n").encode()


def reported(raw: bytes) -> Screening:
    where = envelope("").model_copy(update={"rcpt_to": ("bounces+tok1@our.example",)})
    return look(raw, where=where)


FAILED = (
    "Reporting-MTA: dns; mx.shop.example\n\nFinal-Recipient: rfc822; Ann@Shop.Example\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 User\n unknown\n"
)


def test_a_delivery_report_gives_its_event() -> None:
    """Recipient, status, diagnostic, our Message-ID and the token of the return path."""
    found = reported(report(FAILED))
    assert found.kind is Kind.BOUNCE
    (event,) = found.events
    assert (event.kind, event.recipient, event.permanent, event.status) == (
        "bounced",
        "ann@shop.example",
        True,
        "5.1.1",
    )
    assert (event.original_message_id, event.token) == ("sent-1@our.example", "tok1")
    assert event.diagnostic == "smtp; 550 5.1.1 User unknown"


@pytest.mark.parametrize(
    ("action", "status", "kind", "permanent"),
    [
        ("failed", "5.7.1", "bounced", True),
        ("Failed (final)", "4.4.7", "bounced", False),
        ("failed", "", "bounced", True),
        ("delayed", "4.4.1", "delayed", False),
        ("delivered", "2.0.0", "delivered", False),
        ("relayed", "2.0.0", "delivered", False),
    ],
)
def test_action_and_status_decide_the_event(action: str, status: str, kind: str, permanent: bool) -> None:
    """RFC 3464 section 2.3."""
    fields = f"Final-Recipient: rfc822; ann@shop.example\nAction: {action}\n" + (
        f"Status: {status}\n" if status else ""
    )
    (event,) = reported(report("Reporting-MTA: dns; x\n\n" + fields)).events
    assert (event.kind, event.permanent) == (kind, permanent)


def test_each_recipient_has_an_event() -> None:
    """Two failed, one delayed; a group without Action gives none."""
    groups = [f"Final-Recipient: rfc822; u{n}@shop.example\nAction: failed\nStatus: 5.1.{n}\n" for n in (1, 2)]
    groups += [
        "Original-Recipient: rfc822;u3@shop.example\nAction: delayed\n",
        "Final-Recipient: rfc822; u4@shop.example\n",
    ]
    events = reported(report("\n".join(["Reporting-MTA: dns; x\n", *groups]))).events
    assert [(one.recipient, one.kind) for one in events] == [
        ("u1@shop.example", "bounced"),
        ("u2@shop.example", "bounced"),
        ("u3@shop.example", "delayed"),
    ]


@pytest.mark.parametrize(
    "status", ["", "Final-Recipient: rfc822; <script>\nAction: failed\n", "\x00\x01", "Action: failed"]
)
def test_a_report_that_says_nothing_usable_is_a_bounce_still(status: str) -> None:
    """Recorded, never answered; an address that is none is not taken."""
    found = reported(report(status))
    assert found.kind is Kind.BOUNCE
    assert all(one.recipient == "" for one in found.events)


def test_a_complaint_gives_its_event() -> None:
    """RFC 5965."""
    text = "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <ann@shop.example>\n"
    found = reported(report(text, kind="feedback-report", part="message/feedback-report"))
    assert found.kind is Kind.COMPLAINT
    (event,) = found.events
    assert (event.kind, event.recipient, event.permanent) == ("complained", "ann@shop.example", True)
    assert event.original_message_id == "sent-1@our.example"


def test_a_report_that_it_was_no_spam_is_no_complaint_against_anybody() -> None:
    """Recorded without an event, so that nobody is suppressed."""
    text = "Feedback-Type: not-spam\nVersion: 1\nOriginal-Rcpt-To: ann@shop.example\n"
    found = reported(report(text, kind="feedback-report", part="message/feedback-report"))
    assert (found.kind, found.events) == (Kind.COMPLAINT, ())


QMAIL = (
    "From: MAILER-DAEMON@mx.shop.example\r\nSubject: failure notice\r\n\r\n"
    "Hi. This is the qmail-send program at mx.shop.example.\r\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
    "<ann@shop.example>:\r\n192.0.2.1 does not like recipient.\r\n\r\n"
    "--- Below this line is a copy of the message.\r\n\r\nMessage-ID: <sent-1@our.example>\r\n\r\nHello\r\n"
)


def test_an_older_shape_is_read_too() -> None:
    """qmail's, through flufl.bounce."""
    found = reported(QMAIL.encode())
    assert found.kind is Kind.BOUNCE
    (event,) = found.events
    assert (event.recipient, event.permanent) == ("ann@shop.example", True)
    assert (event.original_message_id, event.token) == ("sent-1@our.example", "tok1")


def test_a_person_who_quotes_a_bounce_is_a_person() -> None:
    """The same text without the marks of a bounce is not even looked at."""
    raw = QMAIL.replace("MAILER-DAEMON@mx", "ann@").replace("failure notice", "Why did this come back").encode()
    found = look(raw)
    assert (found.kind, found.events) == (Kind.PERSONAL, ())


def test_a_daemons_mail_without_any_recipient_is_a_bounce_still() -> None:
    """No event, nothing suppressed."""
    raw = b"From: MAILER-DAEMON <>\r\nSubject: Mail delivery failed\r\n\r\nSorry.\r\n"
    found = look(raw)
    assert (found.kind, found.events) == (Kind.BOUNCE, ())


@pytest.mark.parametrize("part", ["message/delivery-status", "message/feedback-report"])
def test_a_person_who_passes_a_report_on_is_a_person(part: str) -> None:
    """Some clients attach the report's parts to the forwarded mail."""
    raw = report(FAILED, part=part)
    raw = raw.replace(b"MAILER-DAEMON@mx.shop.example", b"ann@shop.example").replace(b"Subject: ", b"Subject: Fwd: ")
    raw = raw.replace(b"multipart/report; report-type=delivery-status;", b"multipart/mixed;")
    assert look(raw).kind is Kind.PERSONAL
