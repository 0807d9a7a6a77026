"""Files that go along with a mail: a person's own, or the mail that a notice is about. Pure.

Rules:
- In base64, as attachments, which no relay changes and no reader shows as part of the text.
- A name is one visible file name without a path; it goes as it is, or as RFC 2231 has it.
- The type is said by the ending, from a short table; what is not in it is `application/octet-stream`. Never a type that
  a reader shows or follows by itself (text, HTML, a message).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from email.message import Message
from urllib.parse import quote

from outbound.contracts import Frozen

LONGEST_NAME = 200
"""Octets of a file's name in UTF-8."""
UNKNOWN = "application/octet-stream"
TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "zip": "application/zip",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}

_PLAIN_NAME = re.compile(r"[A-Za-z0-9 ._()+,=@-]+")
_NEVER_IN_A_NAME = frozenset('/\\:*?"<>|')
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class File(Frozen):
    """One file."""

    name: str
    data: bytes

    @property
    def content_type(self) -> str:
        return TYPES.get(self.name.rpartition(".")[2].lower(), UNKNOWN)


def is_name(name: str) -> bool:
    """True for a file name that every reader shows and stores as it is."""
    if not name or name != name.strip() or name.startswith(".") or len(name.encode("utf-8", "replace")) > LONGEST_NAME:
        return False
    return not any(char in _NEVER_IN_A_NAME or unicodedata.category(char) in _UNSEEN for char in name)


def part(file: File) -> bytes:
    """The headers and the content of the file's part, its last line end included (RFC 2046 5.1)."""
    if _PLAIN_NAME.fullmatch(file.name):
        typed, named = f'{file.content_type}; name="{file.name}"', f'filename="{file.name}"'
    else:
        typed, named = file.content_type, f"filename*=utf-8''{quote(file.name, safe='')}"
    head = f"Content-Type: {typed}\r\nContent-Disposition: attachment; {named}\r\nContent-Transfer-Encoding: base64"
    return head.encode("ascii") + b"\r\n\r\n" + base64.encodebytes(file.data).replace(b"\n", b"\r\n")


def read(one: Message) -> File:
    """The file of a part. Raises ValueError for one that `part` would not have written."""
    name, data = one.get_filename() or "", one.get_payload(decode=True)
    if one.get_content_disposition() != "attachment" or not isinstance(data, bytes) or one.defects:
        raise ValueError("a part beside the text that is no attachment")
    found = File(name=name, data=data)
    if not is_name(name) or one.get_content_type() != found.content_type:
        raise ValueError("an attachment of another name or type than we write")
    if one.get("content-transfer-encoding") != "base64":
        raise ValueError("an attachment that is not in base64")
    return found
