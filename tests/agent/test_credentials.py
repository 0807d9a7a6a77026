"""What detect-secrets' patterns find in drafts, that they call nobody, and that ordinary mail is none of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent import content, credentials
from agent.playbook import load
from inbound.contracts import NormalizedEmail
from inbound.mime import normalize
from tests.agent.judging import broken, facts, judge, proposal

ROOT = Path(__file__).parents[2]
A, N = "aB3dE5gH" * 20, "0a1b2c3d" * 20
SAMPLES: dict[str, str] = {
    "AWS Access Key": "ABIA" + "Q7" * 8,
    "Azure Storage Account access key": f"AccountKey={A[:86]}==",
    "Basic Auth Credentials": "https://me:hunter22@db.example",
    "Cloudant Credentials": f"https://shop:{N[:64]}@shop.cloudant.com",
    "Discord Bot Token": f"M{A[:23]}.{A[:6]}.{A[:27]}",
    "GitHub Token": f"ghr_{A[:36]}",
    "GitLab Token": f"glft-{A[:20]}",
    "IBM Cloud IAM Key": f'ibm_cloud_iam_key = "{A[:44]}"',
    "IBM COS HMAC Credentials": f'cos_hmac_secret_access_key = "{N[:48]}"',
    "Mailchimp Access Key": f"{N[:32]}-us14",
    "OpenAI Token": f"sk-{A[:20]}T3BlbkFJ{A[:20]}",
    "Private Key": "BEGIN OPENSSH PRIVATE KEY",
    "PyPI Token": f"pypi-AgENdGVzdC5weXBpLm9yZw{A[:70]}",
    "SendGrid API Key": f"SG.{A[:22]}.{A[:43]}",
    "Slack Token": "https://hooks.slack.com/services/T1/B1/x1",
    "SoftLayer Credentials": f'softlayer_api_key = "{N[:64]}"',
    "Square OAuth Secret": f"sq0csp-{A[:43]}",
    "Stripe Access Key": f"rk_live_{A[:24]}",
    "Telegram Bot Token": f"123456789:{A[:35]}",
    "Twilio API Key": f"SK{N[:32]}",
}
"""One of each plugin's, by the name that it gives."""


def test_each_plugin_finds_its_own() -> None:
    """In prose; and what was found is not repeated."""
    assert {str(one.secret_type) for one in credentials.plugins()} == set(SAMPLES)
    for kind, text in SAMPLES.items():
        found = credentials.credentials(f"Dear Ann, here it is: {text} and more.")
        assert kind in found
        assert not any(text in one for one in found)


@pytest.mark.parametrize(
    "disguise",
    [
        "# pragma: allowlist secret\n{}",
        "{}  # pragma: allowlist secret",
        "{} // pragma: whitelist secret",
        "<!-- pragma: allowlist nextline secret -->\n{}",
        "{} (example, fake, test)",
    ],
)
def test_no_comment_lets_one_pass(disguise: str) -> None:
    """The package's own way to wave a line through is a way for whoever writes the text."""
    key = SAMPLES["Mailchimp Access Key"]
    assert credentials.credentials(disguise.format(key)) == ["Mailchimp Access Key"]
    assert credentials.credentials(key[:9] + "\u200b" + key[9:]) == ["Mailchimp Access Key"]


def test_nobody_is_asked_whether_a_key_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some plugins can try what they found at the vendor's; here nothing is connected to."""

    def connected(*_given: object, **_more: object) -> object:
        raise AssertionError("a key was tried")

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", connected)
    credentials._credentials.cache_clear()
    for text in SAMPLES.values():
        credentials.credentials(f"{text} with user=shop and account=shop")


def test_a_person_decides_and_sees_no_key_in_the_reason() -> None:
    """Where the table of shapes that nothing else has knows it too, it is denied all the same."""
    key = SAMPLES["Mailchimp Access Key"]
    judged = judge(
        proposal(plain_text=f"It is {key}, of Nobody.", template_id=None), facts(entry_id=None, entry_risk=None)
    )
    assert broken(judged)["credentials"] == "review"
    assert judged.policy.decision == "review"
    assert key not in judged.policy.review_reason
    denied = judge(proposal(plain_text=f"It is {SAMPLES['Twilio API Key']}."))
    assert (broken(denied)["credentials"], denied.policy.decision) == ("review", "deny")


def benign() -> list[str]:
    """All texts here that a reply could be or repeat: playbooks, mails of the demo, questions of tests."""
    found = [
        entry.body
        for folder in (ROOT / "fixtures/playbook", ROOT / "tests/agent/playbook")
        for entry in load(folder).entries
    ]
    for path in sorted((ROOT / "fixtures/mail").glob("*.eml")):
        mail = normalize(path.read_bytes())
        if isinstance(mail, NormalizedEmail):
            found += [mail.subject, mail.text]
    data = [*(ROOT / "tests/agent/data").glob("matching_*.json"), ROOT / "tests/scenarios/paraphrases.json"]
    for path in data:
        found += _texts(json.loads(path.read_text("utf-8")))
    return found


def _texts(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for one in inner for text in _texts(one)]


def test_ordinary_mail_holds_none() -> None:
    """Not one of some thousand texts."""
    texts = benign()
    assert len(texts) > 1000
    assert {text: found for text in texts if (found := content.credentials(text))} == {}


@pytest.mark.parametrize(("command", "code"), [("serve", 1), ("check", 2)])
def test_a_house_without_its_patterns_does_not_start(tmp_path: Path, command: str, code: int) -> None:
    """One line that says what to do; the first draft would be too late, for it would be tried again for ever."""
    (tmp_path / "config.toml").write_text(
        "[listener]\nport = 0\n[desk]\nport = 0\n"
        f'[[mailbox]]\naddress = "support@larkspur.example"\nplaybook = "{ROOT / "fixtures" / "playbook"}"\n'
    )
    broken = "import sys\nsys.modules['detect_secrets.plugins.stripe'] = None\nfrom agent.cli import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", broken, command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "detect-secrets cannot be used" in last
    assert "install its packages anew" in last
    assert "postroom.up" not in done.stdout + done.stderr
