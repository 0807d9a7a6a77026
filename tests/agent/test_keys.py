"""The keys: made once, for the owner alone, and never silently made anew."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent.keys import KeyFileError, Keys


def test_keys_are_made_at_the_first_start_and_kept(tmp_path: Path) -> None:
    """Three different ones of 32 bytes; the second start reads the same."""
    first = Keys.open(tmp_path / "data" / "keys")
    assert len({first.seal, first.audit, first.token}) == 3
    assert {len(key) for key in (first.seal, first.audit, first.token)} == {32}
    assert Keys.open(tmp_path / "data" / "keys") == first
    assert Keys.open(tmp_path / "other") != first


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    """Folder 0700, files 0600, whatever the umask is."""
    before = os.umask(0)
    try:
        Keys.open(tmp_path / "keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """The message says which file and what to do."""
    Keys.open(tmp_path)
    (tmp_path / "audit.key").chmod(mode)
    with pytest.raises(KeyFileError, match=r"audit\.key can be read by others.*chmod 600"):
        Keys.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"00" * 31, b"00" * 33, b"zz" * 32, b"\xff" * 64, "é".encode() * 32])
def test_a_damaged_key_is_told_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    """A new key would make every seal and chain of the old one look forged."""
    Keys.open(tmp_path)
    (tmp_path / "seal.key").write_bytes(content)
    with pytest.raises(KeyFileError, match=r"seal\.key does not hold a key"):
        Keys.open(tmp_path)
    assert (tmp_path / "seal.key").read_bytes() == content


def test_white_space_around_a_key_does_not_matter(tmp_path: Path) -> None:
    """An editor's or a backup's line end at the end of the file."""
    first = Keys.open(tmp_path)
    path = tmp_path / "token.key"
    path.write_text(f"{path.read_text()}\r\n")
    assert Keys.open(tmp_path) == first


def test_starters_at_the_same_moment_get_the_same_keys(tmp_path: Path) -> None:
    """A command beside a service that is just starting: neither reads half a key."""
    for turn in range(20):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(Keys.open, [tmp_path / str(turn)] * 8))
        assert len({(one.seal, one.audit, one.token) for one in found}) == 1


def test_a_crash_while_a_key_is_made_leaves_no_half_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails before the key is on disk, the next start makes it."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            Keys.open(tmp_path)
    assert list(tmp_path.iterdir()) == []
    Keys.open(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.key", "seal.key", "token.key"]


def test_a_key_is_never_printed(tmp_path: Path) -> None:
    """Not in a traceback's or a log's repr either."""
    keys = Keys.open(tmp_path)
    assert keys.seal.hex() not in repr(keys)
    assert repr(keys.seal)[2:-1] not in repr(keys)
