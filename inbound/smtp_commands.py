"""Command lines of SMTP, read by strict patterns into values or into the reply that they deserve. No I/O.

Rules:
- A path is what stands between angle brackets, or a bare word with an `@`: printers and scanners forget the brackets.
- No white space, control character or quoting is read out of a path; what it means is for `addresses` alone to say.
- A recipient without a canonical form is not ours: the same 550 as an unknown one.
- A parameter that was not offered is refused, as RFC 5321 section 4.1.1.11 wants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from inbound import replies
from inbound.addresses import canonical
from inbound.replies import Reply

MAX_COMMAND = 1_000
"""Bytes of a command line: RFC 5321 has 512; SIZE, SMTPUTF8 and paths beyond ASCII add to it."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_PATH = r":[ \t]*(?:<(?P<path>[^<>\x00-\x20\x7f]*)>|(?P<bare>[^<>\x00-\x20\x7f]+@[^<>\x00-\x20\x7f]+))"
_PARAMETERS = r"(?:[ \t]+(?P<parameters>\S.*?))?[ \t]*"
_FROM = re.compile(f"FROM{_PATH}{_PARAMETERS}", re.IGNORECASE)
_TO = re.compile(f"TO{_PATH}{_PARAMETERS}", re.IGNORECASE)
_SIZE = re.compile(r"[0-9]{1,20}")


@dataclass(slots=True)
class Transaction:
    """MAIL was accepted; the recipients are those accepted since, each once, in order."""

    mail_from: str
    """Canonical; empty for the null return path."""
    utf8: bool
    recipients: dict[str, None] = field(default_factory=dict)


def read_command(line: bytes) -> tuple[str, str] | Reply:
    """The verb in upper case and its argument. The line may end in a bare LF: people type into `nc`."""
    if len(line) > MAX_COMMAND:
        return replies.COMMAND_TOO_LONG
    try:
        text = line.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        return replies.BAD_CHARACTERS
    if _CONTROL.search(text):
        return replies.BAD_CHARACTERS
    verb, _, argument = text.partition(" ")
    return verb.upper(), argument.strip()


def read_mail(argument: str, max_message_bytes: int) -> Transaction | Reply:
    """MAIL FROM with SIZE (RFC 1870), BODY (RFC 6152) and SMTPUTF8 (RFC 6531)."""
    match = _FROM.fullmatch(argument)
    if match is None:
        return replies.BAD_ARGUMENT
    parameters = _parameters(match)
    if parameters is None:
        return replies.UNKNOWN_PARAMETER
    size, utf8 = parameters
    if size > max_message_bytes:
        return replies.TOO_LARGE
    address = match["bare"] or match["path"]
    sender = canonical(address) if address else ""
    if sender is None:
        return replies.BAD_SENDER
    return replies.NEEDS_SMTPUTF8 if not (utf8 or address.isascii()) else Transaction(sender, utf8)


def read_recipient(argument: str, hostname: str, *, utf8: bool) -> str | Reply:
    """RCPT TO, canonical; `postmaster` alone is that of this host (RFC 5321 section 4.5.1)."""
    match = _TO.fullmatch(argument)
    address = (match["bare"] or match["path"]) if match else ""
    if match is None or not address:
        return replies.BAD_ARGUMENT
    if match["parameters"]:
        return replies.UNKNOWN_PARAMETER
    if not (utf8 or address.isascii()):
        return replies.NEEDS_SMTPUTF8
    recipient = canonical(f"postmaster@{hostname}" if address.lower() == "postmaster" else address)
    return recipient or replies.UNKNOWN_RECIPIENT


def is_host_name(name: str) -> bool:
    """What HELO may give: it is only ever shown and asked of SPF."""
    return 0 < len(name) <= 255 and all("!" <= character <= "~" for character in name)


def _parameters(match: re.Match[str]) -> tuple[int, bool] | None:
    """Declared size and SMTPUTF8; None where a parameter is unknown, malformed or given twice."""
    found: dict[str, str] = {}
    for word in (match["parameters"] or "").upper().split():
        name, _, value = word.partition("=")
        if name in found:
            return None
        found[name] = value
    size, body = found.pop("SIZE", "0"), found.pop("BODY", "7BIT")
    utf8 = found.pop("SMTPUTF8", None)
    if found or utf8 or body not in {"7BIT", "8BITMIME"} or not _SIZE.fullmatch(size):
        return None
    return int(size), utf8 is not None
