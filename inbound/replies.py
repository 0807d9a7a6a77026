"""Every reply of the SMTP door, named once.

Rules:
- Each reply carries its enhanced status code (RFC 3463, RFC 2034), except the greeting, EHLO's answer and 354.
- No reply repeats what the client sent, so none can carry a control character or a reflected text.
- 4xx says "keep the mail and come again", 5xx "never"; a reply that closes the connection is a 421.
"""

from __future__ import annotations

from dataclasses import dataclass

from inbound.contracts import Receipt


@dataclass(frozen=True, slots=True)
class Reply:
    """One line, or several (`text` with line feeds), as RFC 5321 section 4.2 writes them."""

    code: int
    status: str
    """Enhanced status code; empty where RFC 2034 section 4 has none."""
    text: str

    def wire(self) -> bytes:
        status = f"{self.status} " if self.status else ""
        lines = self.text.split("\n")
        last = len(lines) - 1
        written = (f"{self.code}{' ' if at == last else '-'}{status}{line}\r\n" for at, line in enumerate(lines))
        return "".join(written).encode("ascii", "backslashreplace")

    @property
    def refuses(self) -> bool:
        """A permanent error."""
        return self.code >= 500


# --- the conversation ---------------------------------------------------------------------------

OK = Reply(250, "2.0.0", "OK")
BYE = Reply(221, "2.0.0", "Bye")
RESET = Reply(250, "2.0.0", "Forgotten")
HELP = Reply(214, "2.0.0", "This door takes mail by RFC 5321; its postmaster answers questions")
CANNOT_VERIFY = Reply(252, "2.5.0", "Addresses are not verified here; RCPT says")
TLS_READY = Reply(220, "2.0.0", "Ready to start TLS")

UNKNOWN_COMMAND = Reply(500, "5.5.1", "Command not known")
NOT_OFFERED = Reply(502, "5.5.1", "Command not offered")
BAD_CHARACTERS = Reply(500, "5.5.2", "A command is one line of UTF-8 without control characters")
COMMAND_TOO_LONG = Reply(500, "5.5.6", "Command line too long")
BAD_ARGUMENT = Reply(501, "5.5.4", "Syntax error in the argument")
NO_ARGUMENT_WANTED = Reply(501, "5.5.4", "This command takes no argument")
GREET_FIRST = Reply(503, "5.5.1", "Send EHLO first")
ALREADY_TLS = Reply(503, "5.5.1", "TLS is already on")

# --- one mail -----------------------------------------------------------------------------------

SENDER_OK = Reply(250, "2.1.0", "Sender OK")
NESTED_MAIL = Reply(503, "5.5.1", "MAIL was given already; RSET forgets it")
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Parameter not known")
BAD_SENDER = Reply(553, "5.1.7", "The return path is not an address that mail could go back to")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8")
TOO_LARGE = Reply(552, "5.3.4", "The mail is larger than this door takes")
HEADER_TOO_LARGE = Reply(552, "5.3.4", "The header of the mail is larger than this door takes")
RECIPIENT_OK = Reply(250, "2.1.5", "Recipient OK")
MAIL_FIRST = Reply(503, "5.5.1", "Send MAIL first")
UNKNOWN_RECIPIENT = Reply(550, "5.1.1", "No such recipient here, and nothing is relayed")
RECIPIENTS_FIRST = Reply(503, "5.5.1", "No recipient was accepted; send RCPT first")
GO_AHEAD = Reply(354, "", "End the mail with <CRLF>.<CRLF>")
FALSE_END = Reply(
    554, "5.6.0", "A bare CR, LF or NUL beside a lone dot could be taken for the end of the mail; refused"
)
BARE_LINE_END = Reply(554, "5.6.0", "The mail has a bare CR, a bare LF or a NUL; refused")

# --- come again ---------------------------------------------------------------------------------

TRY_LATER = Reply(451, "4.3.0", "The mail could not be stored now; come again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients for one mail; send it again for the rest")
TOO_MANY_MAILS = Reply(452, "4.7.28", "Too many mails from your address in a minute; come again later")
CROWDED = Reply(452, "4.3.1", "Too much mail is on its way in; come again later")
TOO_MANY_CONNECTIONS = Reply(421, "4.3.2", "Too many connections; come again later")
TOO_MANY_FROM_ADDRESS = Reply(421, "4.7.0", "Too many connections from your address; come again later")
TOO_MANY_ERRORS = Reply(421, "4.7.0", "Too many errors; closing")
NOT_SMTP = Reply(421, "4.7.0", "This is not SMTP; closing")
IDLE = Reply(421, "4.4.2", "Nothing heard for too long; closing")
SESSION_TOO_LONG = Reply(421, "4.4.2", "The session took too long; closing")
SHUTTING_DOWN = Reply(421, "4.3.2", "The service stops; come again later")
TROUBLE = Reply(421, "4.3.0", "Trouble on our side; come again later")


def greeting(hostname: str) -> Reply:
    return Reply(220, "", f"{hostname} ESMTP")


def hello(hostname: str) -> Reply:
    return Reply(250, "", hostname)


def capabilities(hostname: str, max_message_bytes: int, *, starttls: bool) -> Reply:
    """EHLO's answer. PIPELINING (RFC 2920) is true of any server that keeps its input; no AUTH, no CHUNKING."""
    names = [hostname, "PIPELINING", f"SIZE {max_message_bytes}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
    return Reply(250, "", "\n".join([*names, *(["STARTTLS"] if starttls else []), "HELP"]))


def accepted(receipt: Receipt) -> Reply:
    """Only after the store has the mail. The id lets both sides find it again in their logs."""
    return Reply(250, "2.0.0", f"Accepted as {receipt.mail_id}")
