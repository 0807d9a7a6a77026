"""The maildir courier: whole files, once each, that survive."""

from __future__ import annotations

import asyncio
import email
import mailbox
import os
import stat
from pathlib import Path

import pytest

from outbound.couriers.maildir import MaildirCourier, file_name
from outbound.couriers.registry import open_courier
from outbound.settings import CourierSettings
from tests.outbound.mails import approved

EMAIL = approved()


def files(path: Path, folder: str) -> list[Path]:
    return sorted((path / folder).iterdir())


async def test_a_mail_becomes_one_file_with_the_approved_bytes(tmp_path: Path) -> None:
    courier = open_courier(CourierSettings(path=tmp_path / "out"))
    result = await courier.deliver(EMAIL)
    (file,) = files(tmp_path / "out", "new")
    assert result.kind == "sent"
    assert str(file) in str(result)
    assert file.read_bytes() == EMAIL.raw
    assert files(tmp_path / "out", "tmp") == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.suffix == ".eml"
    await courier.close()


async def test_a_maildir_reader_and_a_mail_program_can_open_it(tmp_path: Path) -> None:
    await MaildirCourier(tmp_path).deliver(EMAIL)
    (message,) = list(mailbox.Maildir(tmp_path, create=False))
    assert message["Subject"] == "Re: Opening hours"
    assert email.message_from_bytes(files(tmp_path, "new")[0].read_bytes())["To"] == "Ann <ann@customer.example>"
    assert not set(file_name(EMAIL.message_id)) & set(":/!;,")
    assert not file_name(EMAIL.message_id).startswith(".")


async def test_the_same_mail_again_makes_no_second_file(tmp_path: Path) -> None:
    courier = MaildirCourier(tmp_path)
    results = [await courier.deliver(EMAIL) for _ in range(2)]
    results += await asyncio.gather(*(courier.deliver(EMAIL) for _ in range(8)))
    assert {result.kind for result in results} == {"sent"}
    assert len(files(tmp_path, "new")) == 1
    assert files(tmp_path, "tmp") == []


async def test_also_not_after_a_reader_moved_it(tmp_path: Path) -> None:
    courier = MaildirCourier(tmp_path)
    await courier.deliver(EMAIL)
    (file,) = files(tmp_path, "new")
    file.rename(tmp_path / "cur" / f"{file.name}:2,S")
    assert (await courier.deliver(EMAIL)).kind == "sent"
    assert files(tmp_path, "new") == []
    assert len(files(tmp_path, "cur")) == 1


async def test_another_message_id_is_another_mail(tmp_path: Path) -> None:
    courier = MaildirCourier(tmp_path)
    await courier.deliver(EMAIL)
    await courier.deliver(approved(message_id="p2@acme.example"))
    assert len(files(tmp_path, "new")) == 2


async def test_the_file_reaches_the_disk_before_its_name_and_the_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recorded at the system calls, which still run."""
    order: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def recorded_fsync(descriptor: int) -> None:
        fsync(descriptor)
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def recorded_rename(self: Path, target: Path) -> Path:
        order.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "rename", recorded_rename)
    await MaildirCourier(tmp_path).deliver(EMAIL)
    assert order == ["file", "rename", "folder"]


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("in the way")
    result = await MaildirCourier(blocked / "out").deliver(EMAIL)
    assert result.kind == "again"


async def test_a_write_that_fails_leaves_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    courier = MaildirCourier(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        result = await courier.deliver(EMAIL)
    assert result.kind == "again"
    assert "No space left" in str(result)
    assert files(tmp_path, "tmp") == files(tmp_path, "new") == []
    assert (await courier.deliver(EMAIL)).kind == "sent"
