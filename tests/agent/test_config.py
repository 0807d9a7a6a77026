"""config.toml: what is taken, what is refused, and how it is said."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from agent.config import Config, ConfigError, load

MAILBOX = '[[mailbox]]\naddress = "support@shop.example"\nplaybook = "playbook"\n'


def given(folder: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    """The configuration that these lines and one mailbox make."""
    path = folder / "config.toml"
    path.write_text(text + MAILBOX, "utf-8")
    return load(path, environ or {})


def complaints(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """What is wrong with these lines and one mailbox, each without the file's name."""
    with pytest.raises(ConfigError) as raised:
        given(folder, text, environ)
    lines = str(raised.value).splitlines()
    assert all(line.startswith(f"{folder / 'config.toml'}: ") for line in lines)
    return [line.removeprefix(f"{folder / 'config.toml'}: ") for line in lines]


def test_a_mailbox_is_all_that_is_needed(tmp_path: Path) -> None:
    """Defaults: loopback, 2525 and 8025, threshold 0.90, nothing unseen, 25 MB, 8 turns, 60 s."""
    config = given(tmp_path, "")
    (mailbox,) = config.mailboxes
    assert (config.listener.host, config.listener.port) == ("127.0.0.1", 2525)
    assert (config.desk.host, config.desk.port) == ("127.0.0.1", 8025)
    assert (mailbox.threshold, mailbox.auto_send) == (0.90, False)
    assert (config.listener.max_message_bytes, config.worker.max_turns) == (25_000_000, 8)
    assert config.worker.lease_seconds == 60
    assert (config.limits.per_conversation, config.limits.per_sender, config.limits.per_mailbox) == (3, 10, 200)


def test_no_mailbox_is_a_mistake_even_beside_others(tmp_path: Path) -> None:
    """An empty list and an absent one are both told, whatever else is wrong."""
    path = tmp_path / "config.toml"
    for text, line in (
        ("", "mailbox: is needed and not set"),
        ("mailbox = []\n[desk]\nport = -1\n", "mailbox: at least one"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=line):
            load(path, {})


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to the folder in which the command runs; `..` is taken out, absolute paths stay."""
    monkeypatch.chdir("/")
    config = given(
        tmp_path,
        '[postroom]\ndata_dir = "a/../b"\n[listener]\ntls_certificate = "tls.pem"\n[dkim]\ndomain = "shop.example"\n'
        'selector = "s"\nkey_file = "/etc/dkim.pem"\n',
    )
    assert config.postroom.data_dir == tmp_path / "b"
    assert config.listener.tls_certificate == tmp_path / "tls.pem"
    assert config.dkim.key_file == Path("/etc/dkim.pem")
    assert config.mailboxes[0].playbook == tmp_path / "playbook"


def test_replies_lie_below_data_dir_unless_a_path_is_set(tmp_path: Path) -> None:
    """Moving the data moves the Maildir with it."""
    assert given(tmp_path, "").courier.path == tmp_path / "data" / "outbox"
    assert given(tmp_path, '[postroom]\ndata_dir = "/srv/mail"\n').courier.path == Path("/srv/mail/outbox")
    assert given(tmp_path, '[courier]\npath = "out"\n').courier.path == tmp_path / "out"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[listner]\nport = 1\n", "listner: unknown key; did you mean 'listener'?"),
        ("[listener]\nmax-errors = 1\n", "listener.max-errors: unknown key; did you mean 'max_errors'?"),
        ("[desk]\nthreshold = 0.5\n", "desk.threshold: unknown key; it belongs to [[mailbox]]"),
        ('data_dir = "x"\n', "data_dir: unknown key; it belongs to [postroom]"),
        ('[courier]\npasword_file = "x"\n', "courier.pasword_file: unknown key; did you mean 'password_file'?"),
        ('[store]\nzzz = "x"\n', "store.zzz: unknown key; known are password_file, pool_size, url"),
        ('[listener]\nport = "2525"\n', 'listener.port: is to be a whole number, but it is "2525"'),
        ("[listener]\nport = 25.0\n", "listener.port: is to be a whole number, but it is 25.0"),
        ("[listener]\nport = true\n", "listener.port: is to be a whole number, but it is true"),
        ("[listener]\nport = 70000\n", "listener.port: is to be at most 65535, but it is 70000"),
        ("[listener]\nstrict_line_ends = 1\n", "listener.strict_line_ends: is to be true or false, but it is 1"),
        ("[listener]\nidle_seconds = inf\n", 'listener.idle_seconds: is to be a number, but it is "inf"'),
        ('[listener]\ntls_key = ""\n', "listener.tls_key: is empty; name a path, or leave the key out"),
        ("listener = 3\n", "listener: is to be a table [listener], but it is 3"),
        ("[[desk]]\nport = 1\n", "desk: is one table; write [desk] in single brackets"),
        (
            '[model]\nkind = "openai"\n',
            "model.kind is openai: set OPENAI_API_KEY, model.api_key_file or model.base_url",
        ),
        ('[courier]\nkind = "smtp"\n', "courier.host is needed for kind = 'smtp'"),
        (
            '[postroom]\nlog_format = "xml"\n',
            "postroom.log_format: is to be 'text' or 'json', but it is \"xml\"",
        ),
        (
            '[identity]\nnetworks = ["10.0.0.1/8"]\n',
            'identity.networks (networks 1): is to be a network like 192.0.2.0/24, but it is "10.0.0.1/8"',
        ),
    ],
)
def test_a_mistake_is_named_in_plain_words(tmp_path: Path, text: str, line: str) -> None:
    """File, dotted key, what is wrong and what would be right; nothing of how it was found."""
    assert complaints(tmp_path, text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('adress = "x@y.example"\n', "mailbox.adress (mailbox 2): unknown key; did you mean 'address'?"),
        ("auto_send = 1\n", "mailbox.auto_send (mailbox 2): is to be true or false, but it is 1"),
        ('auto_send = "yes"\n', 'mailbox.auto_send (mailbox 2): is to be true or false, but it is "yes"'),
        ("threshold = nan\n", 'mailbox.threshold (mailbox 2): is to be a number, but it is "nan"'),
        ("threshold = true\n", "mailbox.threshold (mailbox 2): is to be a number, but it is true"),
        ("threshold = 90\n", "mailbox.threshold (mailbox 2): is to be at most 1.0, but it is 90"),
        ("thresholds = { a = -1 }\n", "mailbox.thresholds.a (mailbox 2): is to be at least 0.0, but it is -1"),
        ('name = "a\\nBcc: x"\n', "mailbox.name (mailbox 2): is to be one line of visible characters"),
        ('aliases = "b@y.example"\n', 'mailbox.aliases (mailbox 2): is to be a list in [ ], but it is "b@y.example"'),
        (
            'aliases = ["b@y.example", "B <c@y.example>"]\n',
            "mailbox.aliases (mailbox 2, aliases 2): 'B <c@y.example>' is not a plain address like support@example.com",
        ),
        (
            'aliases = ["Support@Shop.Example."]\n',
            "mailbox: the address support@shop.example stands twice over mailboxes and aliases",
        ),
        (
            '[mailbox.forwarder]\nname = "x"\n',
            "mailbox.forwarder (mailbox 2): is a list of tables; write [[mailbox.forwarder]] in double brackets",
        ),
        (
            '[[mailbox.forwarder]]\nname = "x"\nauthor_from = "to"\n',
            (
                "mailbox.forwarder.author_from (mailbox 2, forwarder 1): "
                "is to be 'from', 'reply-to' or 'x-original-from', but it is \"to\""
            ),
        ),
    ],
)
def test_a_mistake_in_a_mailbox_says_in_which(tmp_path: Path, text: str, line: str) -> None:
    """Tables of one kind are counted from 1, as one counts them in the file."""
    path = tmp_path / "config.toml"
    path.write_text(f'{MAILBOX}[[mailbox]]\naddress = "sales@shop.example"\nplaybook = "p"\n{text}')
    with pytest.raises(ConfigError) as raised:
        load(path, {})
    assert str(raised.value) == f"{path}: {line}"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("password", "p", "password: a secret does not stand in the file; set POSTROOM_COURIER_PASSWORD, or"),
        ("password_file", "none", "password_file: {folder}/none cannot be read: No such file or directory"),
        ("password_file", "two-lines", "password_file: is to be one line of visible characters"),
        ("password_file", "latin-1", "password_file: {folder}/latin-1 is not in UTF-8"),
    ],
)
def test_a_secret_that_cannot_be_had_is_one_complaint(tmp_path: Path, key: str, value: str, line: str) -> None:
    """It is not also told to be missing, and no part of it is repeated."""
    (tmp_path / "two-lines").write_text("one\ntwo\n")
    (tmp_path / "latin-1").write_bytes(b"\xe9")
    text = f'[courier]\nkind = "smtp"\nhost = "h.example"\nusername = "me"\n{key} = "{value}"\n'
    (said,) = complaints(tmp_path, text)
    assert said.startswith(f"courier.{line.format(folder=tmp_path)}")


def test_a_secret_of_the_environment_is_visible_text(tmp_path: Path) -> None:
    """Bytes that are no text would be sent as something else."""
    text = '[courier]\nkind = "smtp"\nhost = "h.example"\nusername = "me"\n'
    (said,) = complaints(tmp_path, text, {"POSTROOM_COURIER_PASSWORD": "\udcff"})
    assert said == "courier.password (POSTROOM_COURIER_PASSWORD): is to be one line of visible characters"
    config = given(tmp_path, text, {"POSTROOM_COURIER_PASSWORD": "pässword 1"})
    assert config.courier.password.get_secret_value() == "pässword 1"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One run of `check` is enough to mend a file."""
    text = (
        '[store]\nurl = "mysql://x"\n[desk]\nprot = 1\n[listener]\nport = -1\ntls_key = ""\n[courier]\npassword = "p"\n'
    )
    assert [line.split(":")[0] for line in complaints(tmp_path, text)] == [
        "courier.password",
        "listener.tls_key",
        "store.url",
        "listener.port",
        "desk.prot",
    ]


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "https://",
        "https://shop.example/*",
        "https://*.shop.example/",
        "https://user@shop.example/",
        "https://shop.example:99999/",
        "https://shop.example/../x",
        "https://shop.example/?q=1",
        "https://shop.example/ x",
        "https://bücher.example/",
        "ftp://shop.example/",
    ],
)
def test_a_link_that_could_never_match_is_refused(tmp_path: Path, link: str) -> None:
    """Policy compares scheme, host and path; an entry that it cannot compare would allow nothing, in silence."""
    path = tmp_path / "config.toml"
    path.write_text(f'{MAILBOX}allowed_links = ["{link}"]\n')
    with pytest.raises(ConfigError, match="is not the beginning of a link"):
        load(path, {})


@pytest.mark.parametrize(
    "link", ["https://shop.example/help/", "https://Shop.Example", "shop.example:8443/x", "http://a.b"]
)
def test_a_link_that_can_match_is_taken(tmp_path: Path, link: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'{MAILBOX}allowed_links = ["{link}"]\n')
    assert load(path, {}).mailboxes[0].allowed_links == (link,)


@pytest.mark.parametrize("host", ["https://desk.example.com", "desk.example.com/", "Desk.example.com", "a b", ""])
def test_a_host_that_no_browser_sends_is_refused(tmp_path: Path, host: str) -> None:
    (line,) = complaints(tmp_path, f'[desk]\nallowed_hosts = ["{host}"]\n')
    assert "is not what a browser sends as Host" in line


def test_addresses_are_canonical_and_found_by_alias(tmp_path: Path) -> None:
    """The first mailbox in the file stays the first: it answers what came to several."""
    path = tmp_path / "config.toml"
    path.write_text(
        f'[[mailbox]]\naddress = "Sales@SHOP.example"\naliases = ["hello@bücher.example"]\nplaybook = "p"\n{MAILBOX}'
    )
    config = load(path, {})
    assert [one.address for one in config.mailboxes] == ["sales@shop.example", "support@shop.example"]
    assert config.mailbox_of("hello@xn--bcher-kva.example") is config.mailboxes[0]
    assert config.mailbox_of("support@shop.example") is config.mailboxes[1]
    assert config.mailbox_of("nobody@shop.example") is None


def test_an_intent_has_its_own_threshold(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"{MAILBOX}thresholds = {{ refund = 1 }}\n")
    (mailbox,) = load(path, {}).mailboxes
    assert (mailbox.threshold_for("refund"), mailbox.threshold_for("shipping")) == (1.0, 0.90)


def test_the_configuration_is_frozen(tmp_path: Path) -> None:
    config = given(tmp_path, "")
    with pytest.raises(ValueError, match="frozen"):
        config.mailboxes[0].auto_send = True  # type: ignore[misc] # what the type checker forbids is tried


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"[desk\n", "not TOML: "),
        (b"[desk]\nport = 1\nport = 2\n", "not TOML: "),
        (b"\xff", "cannot be read: it is not in UTF-8"),
    ],
)
def test_a_file_that_is_not_toml_says_so(tmp_path: Path, data: bytes, line: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=line):
        load(path, {})


def test_a_file_of_an_editor_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(MAILBOX, "utf-8-sig")
    assert load(path, {}).mailboxes


def test_an_absent_file_and_a_folder_are_plain_lines(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file; `--config` names another one"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


def test_the_house_config_has_every_key_with_its_default() -> None:
    """config.toml at the top is the defaults, commented: who reads it knows what is in force."""
    path = Path(__file__).parents[2] / "config.toml"
    shipped = load(path, {})
    bare = tomllib.loads(path.read_text("utf-8"))["mailbox"][0]
    default = Config.model_validate({"mailbox": [{key: bare[key] for key in ("address", "name", "playbook")}]})
    for name in Config.model_fields:
        if name in {"postroom", "courier", "mailboxes"}:  # their paths are placed
            continue
        assert getattr(shipped, name) == getattr(default, name), name
    apart = {"data_dir", "path", "playbook"}
    for one, other in (
        (shipped.postroom, default.postroom),
        (shipped.courier, default.courier),
        (shipped.mailboxes[0], default.mailboxes[0]),
    ):
        assert one.model_dump(exclude=apart) == other.model_dump(exclude=apart)
