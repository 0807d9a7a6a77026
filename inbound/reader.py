"""The child process that reads large mails: mails in on standard input, facts out on standard output, until it ends.

Rules:
- It has no secret, no socket and no more than 2 GB of memory; a mail that needs more is quarantined.
- Nothing that a mail makes the parser print can get between the answers: standard output is taken away first.
- It ends when its parent does.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
from typing import BinaryIO

from pydantic import TypeAdapter

from inbound.bounds import Bounds
from inbound.contracts import NormalizedEmail, Quarantined
from inbound.mime import normalize

READY = b"ready\n"
LENGTH = struct.Struct(">Q")
RESULT: TypeAdapter[NormalizedEmail | Quarantined] = TypeAdapter(NormalizedEmail | Quarantined)

MEMORY = 2_000_000_000


def serve() -> None:
    """Answer mails until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    logging.disable(logging.CRITICAL)
    _limit_memory()
    answers.write(READY)
    answers.flush()
    while (bounds := _frame(requests)) is not None and (raw := _frame(requests)) is not None:
        answer = RESULT.dump_json(normalize(raw, Bounds.model_validate_json(bounds)))
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    data = stream.read(size)
    return data if len(data) == size else None


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
