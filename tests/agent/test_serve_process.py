"""The real process: `postroom serve` over SMTP, killed under load and started again on the same folder."""

from __future__ import annotations

import re
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.states import MailStatus
from agent.store import mails
from agent.store.database import Database
from tests.agent.postroom import HERE, SUPPORT, free_port
from tests.outbound.smtp_peers import certificate

START = [sys.executable, "-c", "from agent.cli import main; main()", "serve"]


def configure(folder: Path) -> tuple[Path, int]:
    """A config.toml with free ports; gives it and the door's port."""
    port, desk = free_port(), free_port()
    path = folder / "config.toml"
    path.write_text(
        f'[listener]\nport = {port}\n[desk]\nport = {desk}\n[courier]\npath = "replies"\n'
        f'[[mailbox]]\naddress = "{SUPPORT}"\nplaybook = "{HERE / "playbook"}"\nauto_send = true\n'
    )
    return path, port


@contextmanager
def serving(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`postroom serve`, ready; killed at the end if it still runs."""
    log = config.parent / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen([*START, "--config", str(config)], stdout=out, stderr=out)
    try:
        while "The desk: " not in log.read_text():
            assert process.poll() is None, log.read_text()
            threading.Event().wait(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def send(port: int, number: int, acknowledged: dict[int, str]) -> None:
    """Deliver mail `number`; what the door acknowledged is noted with the id that it named."""
    text = f"From: a{number}@customer.example\r\nTo: {SUPPORT}\r\nSubject: n{number}\r\n\r\nWhere is my order?\r\n"
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo("test")
            client.mail(f"a{number}@customer.example")
            client.rcpt(SUPPORT)
            code, answer = client.data(text.encode())
            if code == 250:
                acknowledged[number] = answer.decode().split()[-1]
    except (OSError, smtplib.SMTPException):
        return


async def stored(folder: Path) -> dict[str, list[mails.Mail]]:
    """The store's mails by subject."""
    database = Database.sqlite(folder / "data" / "postroom.db")
    try:
        async with database.read() as tx:
            found: dict[str, list[mails.Mail]] = {}
            for listed in await mails.listing(tx, limit=10_000):
                mail = await mails.get(tx, listed.id)
                assert mail is not None
                sender = str(mail.envelope["mail_from"])
                found.setdefault(sender, []).append(mail)
            return found
    finally:
        await database.close()


async def test_what_was_acknowledged_is_there_once_after_a_kill(tmp_path: Path) -> None:
    """Killed three times under load: every 250 is a mail in the store, exactly once, and the work on it goes on."""
    config, port = configure(tmp_path)
    acknowledged: dict[int, str] = {}
    for turn in range(3):
        with serving(config) as process:
            numbers = range(turn * 20, turn * 20 + 20)
            threads = [threading.Thread(target=send, args=(port, n, acknowledged)) for n in numbers]
            for thread in threads:
                thread.start()
            while len(acknowledged) < turn * 5 + 5 and any(thread.is_alive() for thread in threads):
                threads[0].join(0.005)
            process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    assert len(acknowledged) >= 15
    found = await stored(tmp_path)
    for number, mail_id in acknowledged.items():
        assert [mail.id for mail in found[f"a{number}@customer.example"]] == [mail_id]


async def test_work_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Mail that was acknowledged and not worked on is read by the next process."""
    config, port = configure(tmp_path)
    with config.open("a") as more:
        more.write("[worker]\nlease_seconds = 3\n")  # where it died with the work in hand, that passes on after these
    acknowledged: dict[int, str] = {}
    with serving(config) as process:
        send(port, 1, acknowledged)
        process.send_signal(signal.SIGKILL)
    assert acknowledged
    with serving(config):
        for _ in range(2000):
            (mail,) = (await stored(tmp_path))["a1@customer.example"]
            if mail.status not in {MailStatus.RECEIVED, MailStatus.WORKING}:
                break
            threading.Event().wait(0.05)
    assert mail.status in {MailStatus.WAITING, MailStatus.PERSON}


def test_it_ends_in_order_when_asked_to(tmp_path: Path) -> None:
    """SIGTERM: exit 0."""
    config, _ = configure(tmp_path)
    with serving(config) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_busy_port_is_a_plain_line(tmp_path: Path) -> None:
    """It names the port and the setting, and is no traceback."""
    config, port = configure(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        ended = subprocess.run(
            [*START, "--config", str(config)], capture_output=True, text=True, check=False, timeout=60
        )
    assert ended.returncode == 1
    assert re.fullmatch(rf"[^\n]*{port}[^\n]*`port` in \[listener\][^\n]*\n", ended.stderr)


def test_a_configured_certificate_is_offered(tmp_path: Path) -> None:
    """STARTTLS stands in the answer to EHLO, and the handshake is verified against the certificate."""
    trusted, _ = certificate(tmp_path, "localhost")
    config, port = configure(tmp_path)
    listener = f'[listener]\ntls_certificate = "{trusted}"\ntls_key = "{trusted.with_suffix(".key")}"\n'
    config.write_text(config.read_text().replace("[listener]\n", listener))
    with serving(config), smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.ehlo("test")
        assert client.has_extn("starttls")
        context = ssl.create_default_context(cafile=str(trusted))
        context.check_hostname = False  # smtplib knows the door by its address
        assert client.starttls(context=context)[0] == 220


def test_a_certificate_that_is_none_is_a_plain_line(tmp_path: Path) -> None:
    """It names the setting, and nothing opens."""
    config, _ = configure(tmp_path)
    config.write_text(config.read_text().replace("[listener]\n", '[listener]\ntls_certificate = "config.toml"\n'))
    ended = subprocess.run([*START, "--config", str(config)], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "tls_certificate" in ended.stderr


def test_a_test_mail_goes_the_whole_way_in(tmp_path: Path) -> None:
    """`postroom send-test` beside a running service: the door takes it, and says under which id, each time another."""
    config, _ = configure(tmp_path)
    command = [*START[:-1], "send-test", "--config", str(config)]
    with serving(config):
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        again = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        refused = subprocess.run([*command, "x@y.example"], capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert re.fullmatch(r"the door at \S+ refused x@y.example: 550 .*\n", refused.stderr)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(r"The door took it: .*m-[0-9a-z]+.*\n", ended.stdout)
    assert again.stdout != ended.stdout, "a second test is a mail of its own"
