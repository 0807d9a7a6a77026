"""Normalise a mail within bounds of time: small ones here, large ones in a process that can be killed.

Rules:
- A mail under the limit costs milliseconds whatever is in it (the bounds of `mime` see to that): read in a thread.
- A larger one is read by a child process, which is killed when its time is over; the mail is then quarantined.
- A cancelled caller kills the child. Nothing is left running.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import sys

from pydantic import TypeAdapter

from inbound.contracts import NormalizedEmail, Quarantined
from inbound.mime import DEFAULT_BOUNDS, Bounds, normalize

SMALL = 256_000
"""Bytes up to which a mail is read in a thread."""
_RESULT: TypeAdapter[NormalizedEmail | Quarantined] = TypeAdapter(NormalizedEmail | Quarantined)


async def normalize_bounded(
    raw: bytes, bounds: Bounds = DEFAULT_BOUNDS, seconds: float = 15.0
) -> NormalizedEmail | Quarantined:
    """Normalise `raw`; Quarantined where it takes longer than `seconds` or breaks the reader."""
    if len(raw) <= SMALL:
        return await asyncio.to_thread(normalize, raw, bounds)
    return await in_child(raw, bounds, seconds)


async def in_child(raw: bytes, bounds: Bounds, seconds: float) -> NormalizedEmail | Quarantined:
    """Normalise in a child process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "inbound.containment",
        bounds.model_dump_json(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(seconds):
            answer, _ = await child.communicate(raw)
        return _RESULT.validate_json(answer)
    except TimeoutError:
        return _given_up(raw, f"it could not be read within {seconds:g} s")
    except ValueError:
        return _given_up(raw, "the reader died of it")
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


def _given_up(raw: bytes, reason: str) -> Quarantined:
    digest = hashlib.sha256(raw).hexdigest()
    return Quarantined(reason=reason, message_id=f"{digest[:40]}@derived.invalid", content_key=digest)


def _serve() -> None:
    """The child: bytes on standard input, JSON on standard output."""
    found = normalize(sys.stdin.buffer.read(), Bounds.model_validate_json(sys.argv[1]))
    sys.stdout.buffer.write(_RESULT.dump_json(found))


if __name__ == "__main__":
    _serve()
