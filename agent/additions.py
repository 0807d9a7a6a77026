"""What a person puts to a reply by hand: copies to others, and files. Pure.

Rules:
- No model has either: no tool takes one, and no proposal of a model's carries one.
- A copy goes to a plain address that a person wrote, each once. A file has a name that every reader can store.
- What was put to a reply is named by the digest of each file; approvals are bound to all of it.
- Files are not looked into: who put them there answers for them, as for words of their own.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from outbound.addresses import canonical
from outbound.compose import MAX_COPIES, MAX_FILES
from outbound.enclosures import File, is_name

LARGEST = 10 * 1024 * 1024
"""Bytes of all files of one reply; mail servers take 25 MB, and base64 makes a third more of them."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Named(Frozen):
    """A file, without its bytes."""

    name: str
    sha256: str
    size: int

    @property
    def mark(self) -> str:
        return f"{self.sha256} {self.name}"


class Added(Frozen):
    """What stands beside the words of a draft."""

    copies: tuple[str, ...] = ()
    files: tuple[Named, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.copies or self.files)

    @property
    def told(self) -> str:
        """For people, in a line."""
        who = [f"a copy to {', '.join(self.copies)}"] if self.copies else []
        return "; ".join([*who, *(f"{one.name} ({one.size:,} bytes)" for one in self.files)])


NOTHING_ADDED = Added()


@dataclass(frozen=True)
class Brought:
    """What a person wants put to a reply, with the bytes that are not stored yet."""

    added: Added = NOTHING_ADDED
    fresh: tuple[File, ...] = ()


NOTHING = Brought()


def bring(copies: str, files: Iterable[tuple[str, bytes]] = (), kept: Iterable[Named] = ()) -> Brought | str:
    """Read what a person gave: addresses parted by commas or blanks, and files. Else what is wrong with it."""
    found = tuple(dict.fromkeys(canonical(one) or one for one in re.split(r"[,;\s]+", copies) if one))
    strange = [one for one in found if canonical(one) is None]
    if strange:
        return f"{strange[0][:100]!r} is not a plain address; write addresses alone, parted by commas"
    fresh = tuple(File(name=_name(name), data=data) for name, data in files)
    named = (*kept, *(name_of(one) for one in fresh))
    unfit = [one.name for one in named if not is_name(one.name)]
    if unfit:
        return f"{unfit[0][:100]!r} is no name for a file; give it another one"
    if len(found) > MAX_COPIES or len(named) > MAX_FILES:
        return f"a reply has at most {MAX_COPIES} copies and {MAX_FILES} files"
    if sum(one.size for one in named) > LARGEST:
        return f"the files have more than {LARGEST // (1024 * 1024)} MB together; nothing was saved"
    return Brought(Added(copies=found, files=named), fresh)


def name_of(file: File) -> Named:
    return Named(name=file.name, sha256=hashlib.sha256(file.data).hexdigest(), size=len(file.data))


def _name(given: str) -> str:
    """The last part of what a browser or a shell calls it."""
    return unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1].strip())
