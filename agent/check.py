"""`postroom check`: whether the configuration is sound, what is in force, what one should know.

Rules:
- What `serve` would stumble over is an error here: playbooks, keys, certificates. Nothing is opened, made or sent.
- A note is a fact that may be wanted; it says what follows from a setting, not what to think of it.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from agent.config import SECRETS, Config, variable_of
from agent.config_print import effective
from agent.credentials import NoPatternsError, plugins
from agent.playbook import Playbook, PlaybookError, load
from agent.sections import Mailbox
from agent.store.errors import MISSING_DRIVER
from inbound.webhooks.registry import provider
from outbound.settings import APIS, is_loopback

LOW = 0.8
"""Thresholds below this are worth a word."""
_PROVEN = {"verify-ca", "verify-full"}
"""Values of libpq's sslmode that prove the server."""
VARIABLES = {*SECRETS.values(), "POSTROOM_CONFIG"}
"""All that Postroom reads from the environment."""


def check(config: Config, path: Path, environ: Mapping[str, str]) -> int:
    """Print what is in force and what to know about it; 2 where something would not work."""
    for line in effective(config, path.resolve().parent):
        print(line)  # noqa: T201 (the command line's own voice)
    playbooks: dict[Path, Playbook] = {}
    problems = [*_playbooks(config, playbooks), *_driver(config), *_patterns(), *_files(config), *_ports(config)]
    for note in notes(config, playbooks, environ):
        print(f"note: {note}")  # noqa: T201
    sys.stdout.flush()
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201
    if problems:
        return 2
    print(f"{path}: sound")  # noqa: T201
    return 0


def _playbooks(config: Config, found: dict[Path, Playbook]) -> Iterator[str]:
    """Load each playbook into `found`; yields what is wrong with them."""
    for folder in dict.fromkeys(mailbox.playbook for mailbox in config.mailboxes):
        try:
            found[folder] = load(folder)
        except PlaybookError as error:
            yield from str(error).splitlines()


def _driver(config: Config) -> Iterator[str]:
    if config.store.url.startswith("postgresql") and importlib.util.find_spec("psycopg") is None:
        yield f"store.url: {MISSING_DRIVER}"


def _patterns() -> Iterator[str]:
    try:
        plugins()
    except NoPatternsError as error:
        yield str(error)


def _files(config: Config) -> Iterator[str]:
    """What is wrong with keys and certificates. Modules that read them are imported where one is named."""
    if config.dkim.domain:
        from outbound.dkim import DkimKeyError, load_keys

        try:
            load_keys(config.dkim)
        except DkimKeyError as error:
            yield f"dkim: {error}"
        if len(_unsigned(config)) == len(config.mailboxes):
            yield f"dkim.domain: {config.dkim.domain} is the domain of no mailbox: the key would sign nothing"
    if config.listener.tls_certificate is not None:
        from inbound.listener import tls_context

        try:
            tls_context(config.listener)
        except OSError as error:
            yield f"listener.tls_certificate: {config.listener.tls_certificate}: {error.strerror or error}"
    if config.courier.ca_file is not None:
        import ssl

        try:
            ssl.create_default_context(cafile=config.courier.ca_file)
        except OSError as error:
            yield f"courier.ca_file: {config.courier.ca_file}: {error.strerror or error}"


def _ports(config: Config) -> Iterator[str]:
    door, desk = config.listener, config.desk
    if door.port == desk.port != 0 and (door.host == desk.host or not is_loopback(door.host)):
        yield f"listener.port and desk.port are both {door.port}: the door and the desk cannot share one"


def notes(config: Config, playbooks: Mapping[Path, Playbook], environ: Mapping[str, str]) -> Iterator[str]:
    """What an operator should know, in plain words."""
    yield from _store(config)
    yield from _way_out(config)
    yield from _reader(config)
    yield from _doors(config)
    yield from _proofs(config)
    for mailbox in config.mailboxes:
        playbook = playbooks.get(mailbox.playbook)
        if playbook is not None:
            yield from _unseen(mailbox, playbook)
            yield from _unasked(config, mailbox, playbook)
    yield from _webhooks(config)
    yield from _told(config)
    yield from _sifted(config)
    known = VARIABLES | {variable_of(SECRETS["lookup", "token"], one.name) for one in config.lookups}
    own = ("secret", "previous_secret", "api_key")
    known |= {variable_of(SECRETS["webhook", key], one.provider) for key in own for one in config.webhooks}
    for name in sorted(environ):
        if name.startswith("POSTROOM_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            yield f"{name} is set and nothing reads it" + (f"; did you mean {near[0]}?" if near else "")


def _webhooks(config: Config) -> Iterator[str]:
    for one in config.webhooks:
        about = provider(one.provider).ABOUT
        if not about.signs:
            yield f"webhook {one.provider}: it signs nothing; who knows the secret can post mail as it does"
        elif one.by_password:
            yield f"webhook {one.provider}: without public_key a password is all that proves it"
        elif one.public_key and "public_key" not in "".join(about.needs):
            yield f"webhook {one.provider}: public_key is for trials; who has its private half can post mail as it does"
        if one.api_url:
            yield f"webhook {one.provider}: {one.api_url} is asked in the place of its own API"
        if one.trusted:
            yield f"webhook {one.provider}: its word that a DKIM signature holds counts as a proof of the author"
            yield f"webhook {one.provider}: what its filter calls spam is put aside"
    if config.webhooks and not is_loopback(config.webhook_door.host):
        yield f"webhooks: {config.webhook_door.host} is reached without TLS, unless a proxy stands in front"


def _sifted(config: Config) -> Iterator[str]:
    """Whose word of spam counts, and whether it can."""
    spam = config.spam
    if spam.headers != "none" and not config.identity.networks:
        yield f"spam.headers = {spam.headers} is about mail from identity.networks, and none is named: no mail's do"
    host = urlsplit(spam.rspamd_url).hostname or ""
    if spam.rspamd_url.startswith("http://") and not is_loopback(host):
        yield f"spam.rspamd_url: each mail goes to {host} in clear"
    if config.answering.people and config.courier.kind in KEPT:
        yield "answering: what is forwarded stays in the folder of courier.path, and nobody can answer it"


def _told(config: Config) -> Iterator[str]:
    """Whether anybody hears that something waits, or that a door is silent."""
    notices = config.notices
    if not notices.team and not notices.slack_url.get_secret_value():
        yield "notices: nobody is told what waits; set notices.team, or look at the desk"
    elif notices.team and config.courier.kind in KEPT:
        yield "notices: the team's mail stays in the folder of courier.path too"
    watched = {one.door for one in config.canaries}
    if silent := [one.provider for one in config.webhooks if f"webhook:{one.provider}" not in watched]:
        yield f"canary: nothing tells when the door of {', '.join(silent)} goes silent; see [[canary]]"
    if config.canaries and config.courier.kind in KEPT:
        yield f"canary: with courier.kind = {config.courier.kind} none leaves this machine, and none can come in"


def _store(config: Config) -> Iterator[str]:
    store = config.store
    if not store.url.startswith("postgresql"):
        if store.password.get_secret_value():
            yield "store.password is set and SQLite has none"
        return
    parsed = urlsplit(store.url)
    asked = dict(parse_qsl(parsed.query))
    host = parsed.hostname or asked.get("host", "")
    if host and not host.startswith("/") and not is_loopback(host) and asked.get("sslmode") not in _PROVEN:
        yield f"store.url: mail may travel to {host} in plain text, or to another server; add ?sslmode=verify-full"


KEPT = ("maildir", "log")
"""Couriers with which nothing leaves."""


def _way_out(config: Config) -> Iterator[str]:
    courier, dkim = config.courier, config.dkim
    if courier.kind in KEPT:
        yield f"courier.kind is {courier.kind}: replies are written to {courier.path}, nothing leaves this machine"
        return
    if courier.kind in APIS:
        yield f"courier.kind is {courier.kind}: replies leave by its API, which sees them"
        if courier.kind not in {"ses", "mailgun"}:
            yield f"courier {courier.kind} takes no raw mail: it signs replies itself, and [dkim] does not count"
    elif courier.tls == "none" and not is_loopback(courier.host):
        yield f"courier.tls is none: replies travel to {courier.host} in plain text"
    if not dkim.domain:
        yield "dkim.domain is not set: the smarthost has to sign, or replies will look forged"
        return
    for mailbox in _unsigned(config):
        yield f"replies of {mailbox.address} leave unsigned: dkim.domain is {dkim.domain}, which is not its own"


def _unsigned(config: Config) -> list[Mailbox]:
    """The mailboxes whose replies no configured key signs."""
    from outbound.dkim import signs_for

    return [one for one in config.mailboxes if not signs_for(config.dkim.domain, one.address.rpartition("@")[2])]


def _reader(config: Config) -> Iterator[str]:
    """Who reads the mail."""
    model = config.model
    if model.chosen == "playbook":
        yield f"the model is {model.told}: mail is read on this machine alone"
    else:
        yield f"the model is {model.told}: the text of each mail is sent there"
        if model.base_url.startswith("http:") and not is_loopback(urlsplit(model.base_url).hostname or ""):
            yield f"model.base_url is not https: mail travels to {model.base_url} in plain text"


def _doors(config: Config) -> Iterator[str]:
    door, desk = config.listener, config.desk
    if not is_loopback(door.host):
        if door.tls_certificate is None:
            yield f"the door listens on {door.host} without a certificate: mail comes in unencrypted"
        if door.hostname == "localhost":
            yield f"the door greets as {door.hostname!r}: set listener.hostname to the name that PTR says"
    if not is_loopback(desk.host):
        yield f"the desk listens on {desk.host}: put a proxy with HTTPS in front of it, and set desk.secure_cookies"
        if not desk.allowed_hosts:
            yield "desk.allowed_hosts is empty: the desk answers to loopback names alone"


def _proofs(config: Config) -> Iterator[str]:
    identity = config.identity
    if identity.authserv_ids and not identity.networks:
        yield "identity.authserv_ids is set without identity.networks: no mail is known to come from there"
    for mailbox in config.mailboxes:
        for one in mailbox.forwarder:
            believed = one.arc_sealer or (one.authserv_id and (one.dkim_domain or one.networks))
            if not believed:
                yield (
                    f"forwarder {one.name!r} of {mailbox.address} is never believed: "
                    "it needs arc_sealer, or authserv_id with dkim_domain or networks"
                )


def _unasked(config: Config, mailbox: Mailbox, playbook: Playbook) -> Iterator[str]:
    """Entries whose lookup is not there: their gaps stay for people."""
    names = [one.name for one in config.lookups]
    for entry in playbook.entries:
        if entry.lookup and entry.lookup not in names:
            near = difflib.get_close_matches(entry.lookup, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ": its gaps wait for a person"
            yield f"{mailbox.address}: entry {entry.id} asks the lookup {entry.lookup!r}, which is not configured{hint}"


def _unseen(mailbox: Mailbox, playbook: Playbook) -> Iterator[str]:
    """What may leave this mailbox without a person."""
    for intent in mailbox.thresholds:
        if intent not in playbook.intents:
            near = difflib.get_close_matches(intent, playbook.intents, n=1)
            yield (
                f"{mailbox.address} has a threshold for {intent!r}, which no entry of its playbook has"
                + (f"; did you mean {near[0]!r}?" if near else "")
            )
    if not mailbox.auto_send:
        yield f"{mailbox.address}: auto_send is off, every reply waits for a person"
        return
    entries = [one for one in playbook.entries if one.auto_send]
    if not entries:
        yield f"{mailbox.address}: auto_send is on, but no entry of its playbook is marked auto_send: every reply waits"
        return
    shares = ", ".join(f"{one.id} (from {mailbox.threshold_for(one.intent):g})" for one in entries)
    yield f"{mailbox.address}: without a person may leave: {shares}"
    if any(mailbox.threshold_for(one.intent) < LOW for one in entries):
        yield f"{mailbox.address}: a threshold under {LOW} lets replies leave that are likely to be wrong"
