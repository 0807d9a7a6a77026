"""Debian's Postfix as a smarthost on loopback: own folder, free ports, TLS and AUTH; stopped by its own command.

Rules:
- Nothing of the machine's Postfix is read or touched: configuration, queue, data and log lie in a temporary folder.
- It relays for who logs in over TLS, and hands everything to the port that a test names.
- Postfix is started by root alone; elsewhere the tests are skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "postroom", "correct horse"
REALM = "localhost"
SIZE_LIMIT = 20_000
REFUSED = {
    "nobody@customer.example": "550 5.1.1 there is nobody of this name",
    "later@customer.example": "450 4.2.0 come back later",
    "blocked@customer.example": "554 5.7.1 your mail is not wanted",
    "closing@customer.example": "421 4.3.2 closing",
}
"""Recipients that it does not take, and what it says."""

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = localhost
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
relayhost = [127.0.0.1]:{onward}
smtp_tls_security_level = none
smtp_generic_maps =
smtputf8_enable = yes
message_size_limit = {size}
smtpd_peername_lookup = no
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_auth_only = yes
smtpd_tls_security_level = encrypt
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = {realm}
cyrus_sasl_config_path = {folder}/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{{refused}}}, permit
smtpd_delay_reject = yes
"""

MASTER = """
127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{tls} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

SASL = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: {folder}/sasldb2\n"


@dataclass(frozen=True)
class Postfix:
    folder: Path
    starttls: int
    """Port of the one kind of door, and ..."""
    tls: int
    """... of the other."""
    authority: Path
    """PEM file of whom to trust."""

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]


def missing() -> str:
    """What keeps it from running here; empty where nothing does."""
    if os.getuid() != 0:
        return "Postfix is started by root alone"
    for program, package in (("postfix", "postfix"), ("saslpasswd2", "sasl2-bin")):
        if shutil.which(program, path="/usr/sbin:/usr/bin") is None:
            return f"{program} is not installed: apt-get install {package}"
    return ""


def _free_ports(number: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    found = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return found


def _write(folder: Path, onward: int, certificate: Path, key: Path, ports: list[int]) -> None:
    refused = ", ".join(f"{{{who} = {what}}}" for who, what in REFUSED.items())
    words = {"folder": folder, "onward": onward, "certificate": certificate, "key": key, "realm": REALM}
    (folder / "main.cf").write_text(MAIN.format(**words, size=SIZE_LIMIT, refused=refused))
    (folder / "master.cf").write_text(MASTER.format(starttls=ports[0], tls=ports[1]))
    (folder / "sasl").mkdir()
    (folder / "sasl" / "smtpd.conf").write_text(SASL.format(folder=folder))
    owner = pwd.getpwnam("postfix")
    for name in ("queue", "data"):
        (folder / name).mkdir()
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    added = ["saslpasswd2", "-p", "-c", "-f", str(folder / "sasldb2"), "-u", REALM, USER]
    subprocess.run(added, input=PASSWORD.encode(), check=True, capture_output=True)
    os.chown(folder / "sasldb2", owner.pw_uid, owner.pw_gid)


@contextmanager
def smarthost(onward: int, certificate: Path, key: Path) -> Iterator[Postfix]:
    """A running one that hands on to the port `onward`."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-mta-", dir="/tmp"))
    folder.chmod(0o755)
    ports = _free_ports(2)
    _write(folder, onward, certificate, key, ports)
    command = ["postfix", "-c", str(folder)]
    ran = subprocess.run([*command, "start"], capture_output=True, text=True, check=False, timeout=60)
    try:
        made = Postfix(folder, ports[0], ports[1], certificate)
        assert ran.returncode == 0, ran.stderr + made.log()
        _wait_for(made)
        yield made
    finally:
        subprocess.run([*command, "stop"], capture_output=True, check=False, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(made: Postfix) -> None:
    until = time.monotonic() + 30
    for port in (made.starttls, made.tls):
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except OSError:
                assert time.monotonic() < until, made.log()
                time.sleep(0.02)
            else:
                break
