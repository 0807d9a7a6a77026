"""The short form of `make fuzz`: the same mails each time, and everything that was ever found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import run
from tests.fuzz.mutation import Pool
from tests.fuzz.reading import read

CORPUS = sorted((Path(run.__file__).parent / "corpus").glob("*.eml"))
MAILS = 400


def test_no_changed_mail_breaks_a_promise() -> None:
    """Four hundred mails made from the corpus by a fixed seed."""
    told: list[str] = []
    assert run.search(Pool.of(run.FOLDERS, 1), lambda count: count < MAILS, told.append) == []
    assert told[0].startswith(f"{MAILS} mails")


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus_itself_breaks_none(path: Path) -> None:
    """Each mail of it, as it is."""
    assert read(path.read_bytes())


def test_a_broken_promise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that raises on what the corpus is full of."""

    def broken(raw: bytes) -> object:
        if b"multipart" in raw:
            raise ValueError("multipart")
        return len(raw)

    monkeypatch.setattr(run, "read", broken)
    found = run.search(Pool.of(run.FOLDERS, 1), lambda count: count < 50, lambda _: None)
    assert {why for _, why in found} == {"ValueError: multipart"}


def test_the_same_seed_makes_the_same_mails() -> None:
    """What was found can be found again."""
    one, two = Pool.of(run.FOLDERS, 7), Pool.of(run.FOLDERS, 7)
    assert [one.next() for _ in range(50)] == [two.next() for _ in range(50)]
