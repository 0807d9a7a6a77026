"""New signing keys: private, never over others, and what is to be published verifies what they sign."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from outbound.dkim import DkimKeyError, load_key
from outbound.dkim_new import make, zone_line

DOMAIN = "shop.example"


def test_both_keys_are_their_owners_alone(tmp_path: Path) -> None:
    """From the first byte on; the folder too."""
    for one in make(DOMAIN, tmp_path / "secrets", "r", "e"):
        assert stat.S_IMODE(one.path.stat().st_mode) == 0o600
        assert load_key(DOMAIN, one.key.selector, one.path).record() == one.key.record()
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    """Neither of the two, where one is there."""
    rsa, ed25519 = make(DOMAIN, tmp_path, "r", "e")
    before = rsa.path.read_bytes()
    ed25519.path.unlink()
    with pytest.raises(DkimKeyError, match="not written over"):
        make(DOMAIN, tmp_path, "r", "e")
    assert rsa.path.read_bytes() == before
    assert not ed25519.path.exists()


def test_a_record_is_cut_into_strings_that_dns_can_carry(tmp_path: Path) -> None:
    """255 octets each, the same text when they are put together."""
    rsa, ed25519 = make(DOMAIN, tmp_path, "r", "e")
    for one in (rsa, ed25519):
        strings = re.findall(r'"([^"]*)"', zone_line(one.key))
        assert "".join(strings) == one.key.record()
        assert max(map(len, strings)) <= 255
    assert len(re.findall(r'"', zone_line(rsa.key))) == 4


@pytest.mark.parametrize(
    ("domain", "rsa", "ed25519"), [("no domain", "r", "e"), (DOMAIN, "r r", "e"), (DOMAIN, "s", "s")]
)
def test_a_name_that_is_none_writes_nothing(tmp_path: Path, domain: str, rsa: str, ed25519: str) -> None:
    """The mistake is told before any file is there."""
    with pytest.raises(DkimKeyError):
        make(domain, tmp_path / "secrets", rsa, ed25519)
    assert not (tmp_path / "secrets").exists()


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """Told with its name."""
    (tmp_path / "secrets").write_text("a file")
    with pytest.raises(DkimKeyError, match="secrets"):
        make(DOMAIN, tmp_path / "secrets", "r", "e")
