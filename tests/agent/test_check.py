"""`postroom check`: what is in force, what is worth a word, what would not work."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.check import check, notes
from agent.config import Config, ConfigError, load
from agent.config_print import effective
from agent.playbook import load as load_playbook

PASSWORD = {"POSTROOM_COURIER_PASSWORD": "hunter2 \"'\\"}
ENTRY = (
    '+++\nintent = "shipping"\ntrigger = ["shipping"]\nexamples = ["How long does shipping take?"]\n'
    'risk = "low"\nauto_send = {auto_send}\n+++\nThree days.\n'
)
MAILBOX = '[[mailbox]]\naddress = "support@shop.example"\nplaybook = "playbook"\n'


def configured(folder: Path, text: str, environ: dict[str, str] | None = None, *, auto_send: bool = True) -> Config:
    """A configuration of these lines beside a playbook of one entry, whose name is `shipping`."""
    (folder / "playbook").mkdir(exist_ok=True)
    (folder / "playbook" / "shipping.md").write_text(ENTRY.format(auto_send=str(auto_send).lower()))
    (folder / "config.toml").write_text(text, "utf-8")
    return load(folder / "config.toml", environ or {})


def noted(config: Config, environ: dict[str, str] | None = None) -> str:
    playbooks = {mailbox.playbook: load_playbook(mailbox.playbook) for mailbox in config.mailboxes}
    return "\n".join(notes(config, playbooks, environ or {}))


def test_what_is_printed_loads_to_the_same_configuration(tmp_path: Path) -> None:
    """It can be copied into a file, wherever that lies."""
    text = f"""
[postroom]
data_dir = "d \\" \\\\ \\u007f é"
[listener]
idle_seconds = 12
tls_certificate = "tls.pem"
[identity]
networks = ["192.0.2.0/24", "2001:db8::/32"]
[courier]
kind = "smtp"
host = "smtp.shop.example"
username = "me"
[[mailbox]]
address = "sales@shop.example"
playbook = "playbook"
name = "Vertrieb \\"Süd\\" 💐"
aliases = ["a@shop.example", "b@shop.example"]
thresholds = {{ shipping = 1, "two words" = 0.5 }}
[[mailbox.forwarder]]
name = "one"
networks = ["198.51.100.7/32"]
[[mailbox.forwarder]]
name = "two"
arc_sealer = "groups.example"
{MAILBOX}"""
    config = configured(tmp_path, text, PASSWORD)
    there = tmp_path / "elsewhere" / "config.toml"
    there.parent.mkdir()
    there.write_text("\n".join(effective(config, tmp_path)), "utf-8")
    assert load(there, PASSWORD) == config


def test_secrets_are_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether one is set is told, and where it may come from; nothing of the value, not even its length."""
    text = '[courier]\nkind = "smtp"\nhost = "smtp.shop.example"\nusername = "me"\n'
    path = tmp_path / "config.toml"
    assert check(configured(tmp_path, text + MAILBOX, PASSWORD), path, PASSWORD) == 0
    printed = capsys.readouterr().out
    assert "# password: set (hidden)\n" in printed
    assert "hunter2" not in printed
    assert check(configured(tmp_path, MAILBOX), path, {}) == 0
    assert "# password: not set (POSTROOM_COURIER_PASSWORD, or password_file)\n" in capsys.readouterr().out


def test_a_secret_comes_from_a_file_too(tmp_path: Path) -> None:
    """Without the white space around it; both ways at once are a mistake that `load` tells."""
    (tmp_path / "secret").write_text("s3cret\n")
    text = '[courier]\nkind = "smtp"\nhost = "smtp.shop.example"\nusername = "me"\npassword_file = "secret"\n'
    config = configured(tmp_path, text + MAILBOX)
    assert config.courier.password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(config)
    with pytest.raises(ConfigError, match="both POSTROOM_COURIER_PASSWORD and password_file are set"):
        configured(tmp_path, text + MAILBOX, PASSWORD)
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match=r"courier.password_file: .*/secret cannot be read: No such file"):
        configured(tmp_path, text + MAILBOX)


def test_only_what_differs_from_a_default_is_marked(tmp_path: Path) -> None:
    """Paths that follow from where the file lies are defaults as well."""
    plain = "\n".join(effective(configured(tmp_path, MAILBOX), tmp_path))
    assert "# default" not in plain
    moved = configured(tmp_path, f'[postroom]\ndata_dir = "/srv"\n[desk]\nport = 1\n{MAILBOX}')
    marked = [line for line in effective(moved, tmp_path) if "# default" in line]
    assert [" ".join(line.split()) for line in marked] == [
        f'data_dir = "/srv" # default: "{tmp_path}/data"',
        "port = 1 # default: 8025",
    ]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("", "nothing leaves this machine"),
        ('[courier]\nkind = "smtp"\nhost = "relay.example"\n', "the smarthost has to sign"),
        ('[courier]\nkind = "smtp"\nhost = "relay.example"\ntls = "none"\n', "travel to relay.example in plain text"),
        ('[listener]\nhost = "0.0.0.0"\n', "the door listens on 0.0.0.0 without a certificate"),
        ('[listener]\nhost = "::"\n', "the door greets as 'localhost'"),
        ('[desk]\nhost = "0.0.0.0"\n', "the desk listens on 0.0.0.0: put a proxy with HTTPS in front"),
        ('[desk]\nhost = "0.0.0.0"\n', "desk.allowed_hosts is empty"),
        ('[identity]\nauthserv_ids = ["mx.example"]\n', "identity.authserv_ids is set without identity.networks"),
        ('[spam]\nheaders = "hop"\n', "none is named: no mail's do"),
        ('[spam]\nrspamd_url = "http://filter.example:11333"\n', "each mail goes to filter.example in clear"),
        ('[answering]\npeople = ["ruth@people.example"]\n', "nobody can answer it"),
    ],
)
def test_what_follows_from_a_setting_is_said(tmp_path: Path, text: str, note: str) -> None:
    assert note in noted(configured(tmp_path, text + MAILBOX))
    assert note not in noted(
        configured(
            tmp_path,
            '[courier]\nkind = "smtp"\nhost = "127.0.0.1"\ntls = "none"\n[dkim]\ndomain = "shop.example"\n'
            f'selector = "s"\nkey_file = "k"\n[identity]\nauthserv_ids = ["mx"]\nnetworks = ["10.0.0.0/8"]\n{MAILBOX}',
        )
    )


def test_replies_that_no_key_signs_are_worth_a_word(tmp_path: Path) -> None:
    """Receivers compare a signature with From; a parent or child of our domain counts, and is signed."""
    dkim = '[courier]\nkind = "smtp"\nhost = "localhost"\n[dkim]\nselector = "s"\nkey_file = "k"\ndomain = '
    assert "leave unsigned" in noted(configured(tmp_path, f'{dkim}"other.example"\n{MAILBOX}'))
    assert "leave unsigned" in noted(configured(tmp_path, f'{dkim}"op.example"\n{MAILBOX}'))
    assert "leave unsigned" not in noted(configured(tmp_path, f'{dkim}"mail.shop.example"\n{MAILBOX}'))


def test_what_may_leave_unseen_is_named(tmp_path: Path) -> None:
    """Entry by entry with its threshold, or why nothing does."""
    unseen = MAILBOX + "auto_send = true\n"
    assert "support@shop.example: auto_send is off, every reply waits" in noted(configured(tmp_path, MAILBOX))
    assert "without a person may leave: shipping (from 0.9)" in noted(configured(tmp_path, unseen))
    own = noted(configured(tmp_path, unseen + "thresholds = { shipping = 0.5 }\n"))
    assert "without a person may leave: shipping (from 0.5)" in own
    assert "a threshold under 0.8 lets replies leave" in own
    assert "no entry of its playbook is marked auto_send" in noted(configured(tmp_path, unseen, auto_send=False))


def test_a_threshold_for_an_intent_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Misspelt, it would leave the general one in force."""
    config = configured(tmp_path, MAILBOX + "thresholds = { shiping = 1 }\n")
    assert "a threshold for 'shiping', which no entry of its playbook has; did you mean 'shipping'?" in noted(config)


@pytest.mark.parametrize(
    ("proof", "believed"),
    [
        ("", False),
        ('authserv_id = "mx.example"\n', False),
        ('dkim_domain = "g.example"\n', False),
        ('authserv_id = "mx.example"\ndkim_domain = "g.example"\n', True),
        ('authserv_id = "mx.example"\nnetworks = ["192.0.2.1"]\n', True),
        ('arc_sealer = "g.example"\n', True),
    ],
)
def test_a_forwarder_without_a_proof_is_told(tmp_path: Path, proof: str, *, believed: bool) -> None:
    config = configured(tmp_path, f'{MAILBOX}[[mailbox.forwarder]]\nname = "group"\n{proof}')
    assert ("forwarder 'group' of support@shop.example is never believed" in noted(config)) is not believed


def test_a_variable_that_nothing_reads_is_told(tmp_path: Path) -> None:
    """A misspelt one would leave the password unset."""
    config = configured(tmp_path, MAILBOX)
    environ = {"POSTROOM_COURIER_PASWORD": "x", "POSTROOM_CONFIG": "y", "HOME": "/"}
    assert noted(config, environ).splitlines()[-1] == (
        "POSTROOM_COURIER_PASWORD is set and nothing reads it; did you mean POSTROOM_COURIER_PASSWORD?"
    )


def test_what_serve_would_stumble_over_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Playbook, keys, certificates and ports, all at once, on standard error; exit code 2."""
    config = configured(
        tmp_path,
        '[listener]\nport = 8025\ntls_certificate = "none.pem"\n[courier]\nca_file = "none.pem"\n'
        f'[dkim]\ndomain = "shop.example"\nselector = "s"\nkey_file = "none.pem"\n{MAILBOX}',
    )
    (tmp_path / "playbook" / "shipping.md").write_text("no entry")
    assert check(config, tmp_path / "config.toml", {}) == 2
    out, err = capsys.readouterr()
    assert "sound" not in out
    lines = err.splitlines()
    assert len(lines) == 5
    for part in ("shipping.md: an entry is TOML", "dkim: ", "listener.tls_certificate: ", "courier.ca_file: ", "8025"):
        assert sum(part in line for line in lines) == 1, part
    assert not (tmp_path / "data").exists()


def test_a_key_that_can_sign_is_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other side of the error: the same file with a real key."""
    key = generate_private_key(65537, 2048)
    (tmp_path / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    text = f'[dkim]\ndomain = "shop.example"\nselector = "s"\nkey_file = "k.pem"\n{MAILBOX}'
    assert check(configured(tmp_path, text), tmp_path / "config.toml", {}) == 0
    out, err = capsys.readouterr()
    assert out.endswith("config.toml: sound\n")
    assert not err


def test_a_database_elsewhere_is_to_prove_itself(tmp_path: Path) -> None:
    """Mail goes over that line; on this machine, or with a proven server, there is nothing to say."""

    def said(url: str) -> str:
        return noted(configured(tmp_path, f'[store]\nurl = "postgresql+psycopg://{url}"\n{MAILBOX}'))

    assert "plain text" in said("me@db.example/postroom")
    assert "plain text" in said("me@db.example/postroom?sslmode=require")
    assert "plain text" not in said("me@db.example/postroom?sslmode=verify-full")
    assert "plain text" not in said("me@127.0.0.1:5433/postroom")
    assert "plain text" not in said("/postroom?host=/var/run/postgresql")


def test_the_stores_password_is_masked(tmp_path: Path) -> None:
    """Said to be set, by whichever way it came; and it stands in no URL."""
    text = f'[store]\nurl = "postgresql+psycopg://me@db.example/postroom"\n{MAILBOX}'
    config = configured(tmp_path, text, {"POSTROOM_STORE_PASSWORD": "hunter2"})
    printed = "\n".join(effective(config, tmp_path))
    assert "# password: set (hidden)" in printed
    assert "hunter2" not in printed
    assert config.store.password.get_secret_value() == "hunter2"


def test_a_missing_driver_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In `check`, before anything is started with it."""
    config = configured(tmp_path, f'[store]\nurl = "postgresql+psycopg://me@localhost/postroom"\n{MAILBOX}')
    assert check(config, tmp_path / "config.toml", {}) == 0
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert check(config, tmp_path / "config.toml", {}) == 2
    assert "pip install 'postroom[postgres]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://me@db.example/postroom", "postgresql\\+psycopg://user@host"),
        ("postgresql+psycopg://me:hunter2@db.example/postroom", "a password does not stand in the file"),
        ("postgresql+psycopg://me@db.example/postroom?password=hunter2", "a password does not stand in the file"),
        ("postgresql+psycopg://me@db.example", "names no database"),
        ("postgresql+psycopg://me@db.example:port/postroom", "is no URL"),
    ],
)
def test_a_database_that_cannot_be_meant_is_a_mistake(tmp_path: Path, url: str, why: str) -> None:
    """In plain words, and never with the password."""
    with pytest.raises(ConfigError, match=why) as told:
        configured(tmp_path, f'[store]\nurl = "{url}"\n{MAILBOX}')
    assert "hunter2" not in str(told.value)
