"""The command line on a database with mail in it, beside no service.

Commands run in this process: starting one is the fact of `test_cli`, and here only of what a terminal's letters are.
"""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TypeVar

import pytest

from agent import approval
from agent.states import DraftState, MailStatus, OutboxState
from agent.store import deliveries, pauses
from outbound.contracts import ApprovedEmail, DeliveryResult, InDoubt
from tests.agent.postroom import HOURS, SUPPORT, House, free_port
from tests.agent.terminal import Terminal

T = TypeVar("T")
ESCAPES = "\x1b[2J\x1b]0;owned\x07[red]x[/red] :skull: [/] \x9b31m \u202egnp \u2066a"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def waiting(terminal: Terminal, mail_id: str) -> tuple[str, str]:
    """Id and text of the draft that waits."""

    async def work(home: House) -> tuple[str, str]:
        draft = await home.waiting(mail_id)
        return draft.id, draft.proposal.plain_text

    return terminal.at_home(work)


def drafts(terminal: Terminal, mail_id: str) -> list[tuple[DraftState, str]]:
    async def work(home: House) -> list[tuple[DraftState, str]]:
        return [(one.state, one.decided_by) for one in await home.drafts(mail_id)]

    return terminal.at_home(work)


def test_words_without_a_source_are_marked_and_go_with_a_reason_alone(terminal: Terminal) -> None:
    """In brackets that every terminal shows, under the rules that speak of them."""
    mail_id = terminal.receive()
    draft_id, _ = waiting(terminal, mail_id)

    async def promise(home: House) -> None:
        draft = await home.waiting(mail_id)
        text, seen = "See https://a.example: 25 % off.\n", draft.approval_hash
        await approval.edit(home.parts, draft_id, by="ruth", subject="Re: x", plain_text=text, seen_hash=seen)

    terminal.at_home(promise)
    shown = terminal.run("review", "show", mail_id)
    assert "See ⟦https://a.example⟧: ⟦25 %⟧ off.\n" in shown
    assert "  rules       links (review), authenticated (review), facts (review)\n" in shown
    fresh, _ = waiting(terminal, mail_id)
    assert "say why it may go all the same" in terminal.run("review", "approve", fresh, code=1)
    assert "Approved" in terminal.run("review", "approve", fresh, "--reason", "so said the shop")


@pytest.mark.usefixtures("both_databases")
def test_a_draft_is_listed_shown_and_approved(terminal: Terminal) -> None:
    """The whole way of a person at a terminal; the reply leaves when the service runs again."""
    mail_id = terminal.receive()
    draft_id, text = waiting(terminal, mail_id)
    listed = terminal.run("review", "list")
    assert draft_id in listed
    assert listed.endswith("1 draft waits, 0 mails need a person.\n")
    shown = terminal.run("review", "show", mail_id)
    assert text in shown
    assert shown == terminal.run("review", "show", draft_id)
    assert "  rules       authenticated (review)\n" in shown
    said = terminal.run("review", "approve", draft_id, "--by", "ruth")
    assert said == "Approved: the reply to ann@customer.example is on its way out.\n"
    assert drafts(terminal, mail_id) == [(DraftState.APPROVED, "ruth")]

    async def leaves(home: House) -> int:
        await home.settle()
        return len(home.replies())

    assert terminal.at_home(leaves) == 1
    again = terminal.run("review", "approve", draft_id, code=1)
    assert again == f"no draft of {mail_id} waits: answered\n"


@pytest.mark.usefixtures("both_databases")
def test_looking_waits_for_nobodys_write(terminal: Terminal) -> None:
    """A list is read while somebody holds the one writer's turn; an id that no database can hold is just unknown."""
    mail_id = terminal.receive()

    async def beside(home: House) -> str:
        async with home.parts.database.write():
            return await asyncio.to_thread(terminal.run, "review", "list")

    assert "1 draft waits" in terminal.at_home(beside)
    assert "there is no mail" in terminal.run("explain", mail_id + "\x01" * 30, code=1)


def test_an_approval_names_what_the_person_saw(terminal: Terminal) -> None:
    """Neither the mail's id nor that of a replaced draft approves a version that nobody looked at."""
    mail_id = terminal.receive()
    old, _ = waiting(terminal, mail_id)
    edits = terminal.editor("path.write_text(path.read_text() + 'More.\\n')")
    terminal.run("review", "edit", old, EDITOR=edits)
    fresh, _ = waiting(terminal, mail_id)
    assert fresh in terminal.run("review", "approve", old, code=1)
    assert fresh in terminal.run("review", "approve", mail_id, code=1)
    assert fresh in terminal.run("review", "reject", old, "--reason", "x", code=1)
    assert waiting(terminal, mail_id)[0] == fresh


def test_an_edit_is_what_the_editor_left(terminal: Terminal) -> None:
    """It waits as a new draft; $VISUAL goes before $EDITOR; nothing of it stays in a temporary file."""
    mail_id = terminal.receive()
    edits = terminal.editor("path.write_text('Subject: Re: Hours\\n\\nWe open at nine: \\u00fc\\n', 'utf-8')")
    said = terminal.run("review", "edit", mail_id, "--by", "ruth", VISUAL=edits, EDITOR="false")
    draft_id, text = waiting(terminal, mail_id)
    assert text == "We open at nine: ü\n"
    assert said.endswith(f"Saved as {draft_id}; approve it to send it.\n")
    assert list(terminal.folder.glob("postroom-draft-*")) == []


def test_an_answer_with_copies_and_files_is_written_and_changed_without_the_desk(terminal: Terminal) -> None:
    """Written from a file or in the editor, shown with what goes along; an approval says why."""
    mail_id = terminal.receive("Our cat likes your rake a lot, what do you say?", signed=True)
    text, offer = terminal.folder / "answer.txt", terminal.folder / "offer.pdf"
    text.write_text("Lovely.\n")
    offer.write_bytes(b"%PDF")
    given = ("--text", str(text), "--attach", str(offer), "--cc", "bo@x.example")
    said = terminal.run("review", "write", mail_id, *given)
    draft_id, words = waiting(terminal, mail_id)
    assert (words, said) == ("Lovely.\n", f"Saved as {draft_id}; look at it and approve it to send it.\n")
    shown = " ".join(terminal.run("review", "show", draft_id).split())
    assert "put to it a copy to bo@x.example; offer.pdf (4 bytes)" in shown
    terminal.run("review", "edit", draft_id, "--take-away", "--cc", "cy@x.example")
    draft_id, words = waiting(terminal, mail_id)
    assert words == "Lovely.\n"
    shown = " ".join(terminal.run("review", "show", draft_id).split())
    assert "put to it a copy to cy@x.example" in shown
    assert "offer.pdf" not in shown
    assert "say why" in terminal.run("review", "approve", draft_id, code=1)
    terminal.run("review", "approve", draft_id, "--reason", "they sell with us")
    assert "a draft or an answer already" in terminal.run("review", "write", mail_id, *given, code=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--attach", "nowhere.pdf"), "nowhere.pdf: No such file"),
        (("--cc", "Bo"), "'Bo' is not a plain address"),
        (("--text", "nowhere.txt"), "nowhere.txt: No such file"),
    ],
)
def test_an_answer_that_cannot_be_read_is_none(terminal: Terminal, given: tuple[str, ...], said: str) -> None:
    mail_id = terminal.receive("Our cat likes your rake a lot, what do you say?", signed=True)
    assert said in terminal.run("review", "write", mail_id, *given, code=1, EDITOR="true")


def test_an_answer_is_what_the_editor_left(terminal: Terminal) -> None:
    mail_id = terminal.receive("Our cat likes your rake a lot, what do you say?", signed=True)
    edits = terminal.editor("path.write_text(path.read_text() + 'Lovely.\\n')")
    terminal.run("review", "write", mail_id, EDITOR=edits)
    assert waiting(terminal, mail_id)[1] == "Lovely.\n"
    assert list(terminal.folder.glob("postroom-draft-*")) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("pass", "nothing was changed"),
        ("sys.exit(3)", "the editor ended with an error; nothing was changed"),
        ("path.write_text('no subject\\n\\ntext\\n')", "the first line has to be `Subject: ...`"),
        ("path.write_text('Subject: a\\nBcc: eve@evil.example\\n\\ntext\\n')", "the first line has to be"),
        ("path.write_text('Subject: a\\n\\n \\n')", "the first line has to be"),
        ("path.write_bytes(b'Subject: a\\n\\n\\xe9t\\xe9\\n')", "is not UTF-8"),
        ("path.write_text('Subject: a\\n\\n' + 'x' * 100_001)", "at most 100000 characters"),
    ],
)
def test_an_edit_that_is_none_changes_nothing(terminal: Terminal, script: str, said: str) -> None:
    """One line says why; what was typed is kept where something was."""
    mail_id = terminal.receive()
    before = waiting(terminal, mail_id)
    line = terminal.run("review", "edit", mail_id, code=1, EDITOR=terminal.editor(script))
    assert said in line
    kept = re.search(r"your version is kept in (\S+)", line)
    assert (kept is not None) == ("write" in script)
    assert [str(path) for path in terminal.folder.glob("postroom-draft-*")] == ([kept[1]] if kept else [])
    assert waiting(terminal, mail_id) == before


@pytest.mark.parametrize("editor", ["/nowhere/vi", "'", "/"])
def test_an_editor_that_does_not_start_is_named(terminal: Terminal, editor: str) -> None:
    """Whatever the variable holds."""
    mail_id = terminal.receive()
    assert f"the editor {editor!r} does not start".replace("\\", "") in terminal.run(
        "review", "edit", mail_id, code=1, EDITOR=editor
    ).replace("\\", "")
    assert list(terminal.folder.glob("postroom-draft-*")) == []


def test_a_rejection_says_why(terminal: Terminal) -> None:
    """Without a reason it is a usage error; with one the mail is a person's."""
    mail_id = terminal.receive()
    ended = terminal.ended("review", "reject", mail_id)
    assert ended.exit_code == 2
    assert "--reason" in ended.stderr
    assert terminal.run("review", "reject", mail_id, "--reason", "too curt", "--by", "ruth").startswith("Rejected")
    assert drafts(terminal, mail_id) == [(DraftState.REJECTED, "ruth")]
    assert "too curt" in terminal.run("explain", mail_id)
    assert f"{mail_id}" in terminal.run("review", "list")


@pytest.mark.usefixtures("both_databases")
def test_explain_tells_the_whole_story_by_any_id(terminal: Terminal) -> None:
    """Mail, draft, run and delivery lead to the same page, which names all of them and every audit row."""
    mail_id = terminal.receive(signed=True)

    async def ids(home: House) -> list[str]:
        async with home.parts.database.read() as tx:
            (delivery,) = await deliveries.of_mail(tx, mail_id)
        (draft,) = await home.drafts(mail_id)
        return [draft.id, draft.run_id or "", delivery.id]

    story = terminal.run("explain", mail_id)
    for one in terminal.at_home(ids):
        assert one in story
        assert terminal.run("explain", one) == story
    for event in ("received by door", "understood by", "proposed by", "queued by", "sent by sender"):
        assert event in story
    assert "every row of the chain holds" in story
    waits = terminal.receive()
    terminal.run("review", "close", waits, "--reason", "she rang us")
    assert re.search(r"closed by \w+ reason=she rang us", terminal.run("explain", waits))


def test_explain_of_a_changed_audit_ends_with_1(terminal: Terminal) -> None:
    """The story is told all the same, and says which row was changed."""
    mail_id = terminal.receive(signed=True)
    with sqlite3.connect(terminal.folder / "postroom.db") as database:
        database.execute("UPDATE audit SET actor = 'somebody' WHERE n = 2")
    database.close()
    ended = terminal.ended("explain", mail_id)
    assert (ended.exit_code, ended.stderr) == (1, "")
    assert re.search(r"audit: row 2 of chain \S+ was changed", ended.stdout)


def test_what_a_stranger_wrote_does_not_steer_the_terminal(terminal: Terminal) -> None:
    """Subject, text and name: no escape sequence, no colour, no line of its own, no markup of ours."""
    hostile = terminal.receive(f"Something else. {ESCAPES}")
    mail_id = terminal.receive(subject=ESCAPES)
    draft_id, _ = waiting(terminal, mail_id)
    reason = f"{ESCAPES}\nforged"
    edits = terminal.editor(f"path.write_text({'Subject: Re: x' + chr(10) * 2 + ESCAPES!r}, 'utf-8')")
    said = terminal.run("review", "edit", draft_id, EDITOR=edits)
    for words in (["review", "list"], ["review", "show", mail_id], ["explain", mail_id], ["review", "show", hostile]):
        said += terminal.run(*words)
    said += terminal.run("review", "reject", mail_id, "--reason", reason, "--by", f"eve{ESCAPES}")
    said += terminal.run("explain", mail_id) + terminal.run("review", "list")
    assert [char for char in said if not char.isprintable() and char != "\n"] == []
    assert "[red]x[/red] :skull: [/]" in said
    assert not any(line.strip().startswith("forged") for line in said.splitlines())


def test_a_terminal_that_lacks_letters_is_no_trouble(terminal: Terminal) -> None:
    """A mail in any script is shown on an ASCII terminal, as far as that goes."""
    mail_id = terminal.receive("Où est ma commande LG-48213 ? 谢谢")
    words = ["review", "show", mail_id, "--config", str(terminal.folder / "config.toml")]
    ended = subprocess.run(
        [sys.executable, "-c", "from agent.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        timeout=60,
    )
    assert "? est ma commande" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.usefixtures("both_databases")
def test_a_pause_holds_what_would_leave_and_resume_lets_it_go(terminal: Terminal) -> None:
    """By an alias too; nothing is lost, and it is known who did it."""

    async def queue(home: House) -> str:
        mail_id = await home.receive(HOURS)
        await home.service.triager.drain()
        await home.service.runner.drain()
        return mail_id

    mail_id = terminal.at_home(queue)
    assert terminal.run("pause", "help@larkspur.example", "--by", "ruth").startswith("Paused: help@")

    hours = [1, 2]

    async def look(home: House) -> tuple[MailStatus, list[tuple[str, str]]]:
        home.clock.advance(hours=hours.pop(0))
        await home.settle()
        async with home.parts.database.read() as tx:
            return (await home.mail(mail_id)).status, [(one.scope, one.by) for one in await pauses.all_(tx)]

    assert terminal.at_home(look) == (MailStatus.SENDING, [(SUPPORT, "ruth")])
    assert terminal.run("resume", SUPPORT) == f"Sending goes on: {SUPPORT}.\n"
    assert terminal.at_home(look) == (MailStatus.ANSWERED, [])
    assert terminal.run("resume", SUPPORT, code=1) == f"{SUPPORT} was not paused\n"


class Breaks:
    """A courier whose line breaks before the answer."""

    name = "breaks"

    async def deliver(self, email: ApprovedEmail) -> DeliveryResult:
        return InDoubt(reason="the connection broke before the answer")

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("outcome", "state"), [("sent", OutboxState.SENT), ("resend", OutboxState.QUEUED)])
def test_doubt_is_resolved_once(terminal: Terminal, outcome: str, state: OutboxState) -> None:
    """By the mail's id; the second answer is told what the first one was."""

    async def work(home: House) -> str:
        mail_id = await home.receive(HOURS)
        await home.settle()
        return mail_id

    mail_id = terminal.at_home(work, Breaks())
    assert mail_id in terminal.run("review", "list")
    terminal.run("resolve", mail_id, outcome, "--by", "ruth")

    async def look(home: House) -> str:
        async with home.parts.database.read() as tx:
            (delivery,) = await deliveries.of_mail(tx, mail_id)
        assert delivery.state is state
        return delivery.id

    delivery_id = terminal.at_home(look)
    assert f"this delivery is {state}, not in doubt" in terminal.run("resolve", delivery_id, outcome, code=1)
    assert "resolved by ruth" in terminal.run("explain", mail_id)


def test_a_mail_is_closed_and_begun_again(terminal: Terminal) -> None:
    """By the id of the mail or of its draft; what cannot be is told in one line."""
    mail_id = terminal.receive()
    draft_id, _ = waiting(terminal, mail_id)
    said = terminal.run("review", "close", draft_id, "--reason", "answered by phone", "--by", "ruth")
    assert said == "Closed; nothing goes out.\n"
    assert "closed by ruth: answered by phone" in terminal.run("explain", mail_id)
    assert "past that" in terminal.run("review", "close", mail_id, "--reason", "again", code=1)
    assert terminal.run("review", "retry", mail_id).startswith(f"{mail_id} is read again")
    assert "past that: received" in terminal.run("review", "retry", mail_id, code=1)
    assert "no mail or draft with the id m-none" in terminal.run("review", "close", "m-none", "--reason", "x", code=1)


def test_the_bytes_as_they_came_can_be_saved(terminal: Terminal) -> None:
    """Every byte of what the door took."""
    mail_id = terminal.receive("Grüße")
    raw = terminal.run("review", "raw", mail_id)
    assert raw.startswith("From: Ann Example <ann@customer.example>")
    assert "Grüße" in raw


def test_a_test_mail_needs_a_running_door(terminal: Terminal) -> None:
    """Nobody listens here: the address of the door and what to do are named."""
    port = free_port()
    config = terminal.folder / "config.toml"
    config.write_text(f"[listener]\nport = {port}\n{config.read_text()}")
    said = terminal.run("send-test", code=1)
    assert f"127.0.0.1:{port}" in said
    assert "postroom serve" in said


def test_a_run_is_listed_shown_cancelled_and_begun_again(terminal: Terminal) -> None:
    """By its own id or the mail's."""
    mail_id = terminal.receive()
    listed = terminal.run("runs", "list")
    (run_id,) = re.findall(r"r-[0-9a-z]+", listed)
    assert "requires_action after 2 turns" in listed
    assert listed.endswith("1 runs open.\n")
    shown = terminal.run("runs", "show", run_id)
    assert "read_inbox" in shown
    assert "answered: not yet" in shown
    assert terminal.run("runs", "cancel", run_id, "--reason", "mine", "--by", "ruth").startswith("Cancelled")
    assert "no run of this mail is open" in terminal.run("runs", "cancel", mail_id, "--reason", "x", code=1)
    assert "cancelled after 2 turns" in terminal.run("runs", "list", "--ended")
    assert "cancelled by ruth: mine" in terminal.run("explain", mail_id)
    assert "begins again" in terminal.run("runs", "retry", run_id)


def test_a_mail_is_decided_again_from_what_is_stored(terminal: Terminal) -> None:
    """0 where nothing differs."""
    mail_id = terminal.receive()
    said = terminal.run("replay", mail_id)
    assert said.count("the same") == 2
    assert "no mail, draft or run" in terminal.run("replay", "m-none", code=1)


def test_the_audit_is_verified_whole(terminal: Terminal) -> None:
    """0 and one line where it holds; 1 and what is wrong where not."""
    terminal.receive()
    assert terminal.run("audit", "verify").endswith("everything holds.\n")
    with sqlite3.connect(terminal.folder / "postroom.db") as file:
        file.execute("UPDATE audit SET actor = 'eve' WHERE event = 'understood'")
    ended = terminal.ended("audit", "verify")
    assert ended.exit_code == 1
    assert "was changed" in ended.stdout


def test_another_policy_is_tried_on_stored_mail(terminal: Terminal) -> None:
    """Which decisions it would change, before anybody turns it on; nothing is changed by looking."""
    terminal.receive(signed=True)
    config = terminal.folder / "config.toml"
    new = terminal.folder / "new.toml"
    new.write_text(config.read_text())
    assert "0 of 1 mails would be decided otherwise" in terminal.run("policy", "diff", str(new))
    new.write_text(config.read_text().replace("auto_send = true", "auto_send = true\nthreshold = 0.99"))
    ended = terminal.ended("policy", "diff", str(new))
    assert ended.exit_code == 1
    assert "1 of 1 mails would be decided otherwise" in ended.stdout
    assert "may leave unseen" in ended.stdout
    assert "links (review)" in terminal.run("policy", "list")


def test_a_rule_can_be_made_stricter_and_never_looser(terminal: Terminal) -> None:
    """A review rule that denies here; an unknown one, or one that denies anyway, is an error."""
    config = terminal.folder / "config.toml"
    plain = config.read_text()
    config.write_text(plain.replace("auto_send = true", 'auto_send = true\nstricter = ["authenticated"]', 1))
    mail_id = terminal.receive()
    assert "authenticated (review, deny for support@larkspur.example)" in terminal.run("policy", "list")
    config.write_text(plain.replace("auto_send = true", 'auto_send = true\nstricter = ["recipient"]', 1))
    assert "no such review rule" in terminal.run("explain", mail_id, code=2)


def test_what_waits_longest_is_listed_first(terminal: Terminal) -> None:
    """Mail for a person too."""
    given = [terminal.receive("Hello", subject=f"Number {n}", signed=True) for n in range(3)]
    listed = terminal.run("review", "list")
    assert [one for one in re.findall(r"m-[0-9a-z]+", listed) if one in given] == given


def test_where_else_an_answer_is_asked_for_is_shown(terminal: Terminal) -> None:
    """A person who has to judge that risk sees the address."""
    mail_id = terminal.receive(headers={"Reply-To": "eve@evil.example", "Cc": "bob@customer.example"})  # type: ignore[arg-type]  # a mapping
    shown = terminal.run("review", "show", mail_id)
    assert re.search(r"reply-to +eve@evil.example", shown)
    assert re.search(r"cc +bob@customer.example", shown)
