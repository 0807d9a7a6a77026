"""The HTML beside the text: made of it, says the same, leads nowhere else."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.compose import compose, inspect
from outbound.contracts import Refused
from outbound.couriers import postmark, resend, sendgrid
from outbound.markup import HEAD, TAIL, MarkupError, markup, read
from outbound.settings import CourierSettings
from tests.outbound.mails import NOW, approved, composed, reply

LINK = "https://acme.example/help?a=1&b=2"
BODY = f"Hello <Ann> & \u201cco\u201d,\n\n  see {LINK}.\n-- \nhttps://acme.example/\n"


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))), st.lists(st.sampled_from(["a", "&", LINK])))
def test_the_html_reads_as_the_text(text: str, more: list[str]) -> None:
    """Whatever the text holds: nothing of it becomes a tag or an entity, and only named links lead somewhere."""
    said = f"{text}{' '.join(more)}\n"
    assert read(markup(said, (LINK,))) == (said, (LINK,) * said.count(LINK))


def test_a_mail_carries_both() -> None:
    """The plain text first; each reader of mail finds both, and the link shows where it leads."""
    raw = composed(body=BODY, html=(LINK,)).raw
    found = inspect(raw)
    assert not isinstance(found, Refused)
    assert (found.body, found.links, found.attachments) == (BODY, (LINK,), 0)
    message = message_from_bytes(raw, policy=policy.default)
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == BODY
    assert html.get_content().replace("\r\n", "\n") == found.html
    assert f'<a href="{LINK.replace("&", "&amp;")}">' in found.html
    assert found.html.count("<a ") == 1
    assert all(remote not in found.html for remote in ("<img", "<style", "<script", "src=", "url("))


OTHERS = {
    "other words": "Hello Bob<br>\n",
    "a picture": 'Hello<img src="https://acme.example/x.png"><br>\n',
    "another way": '<a href="https://evil.example/">Hello</a><br>\n',
    "not https": '<a href="http://a/">http://a/</a><br>\n',
    "a comment": "Hello<!-- x --><br>\n",
    "an attribute": 'Hello<br class="x">\n',
    "a script": "Hello<script>x</script><br>\n",
    "an instruction": "Hello<?x?><br>\n",
    "an end alone": "Hello</a><br>\n",
    "no end": '<a href="https://a/">Hello<br>\n',
    "a link without an end": 'Hello<br>\n<a href="https://a/">',
}


@pytest.mark.parametrize("what", OTHERS)
def test_html_that_says_something_else_is_refused(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As bytes too, whoever made them: they are inspected before they are sealed, and before the wire."""
    monkeypatch.setattr("outbound.compose.markup", lambda *_: f"{HEAD}{OTHERS[what]}{TAIL}")
    assert isinstance(compose(reply(body="Hello\n", html=())), Refused)
    if what != "other words":
        with pytest.raises(MarkupError):
            read(f"{HEAD}{OTHERS[what]}{TAIL}")


@pytest.mark.parametrize("source", ["", "Hello", HEAD, TAIL, f"<html>{TAIL}"])
def test_html_without_our_frame_is_refused(source: str) -> None:
    """It begins and ends with what we write."""
    with pytest.raises(MarkupError):
        read(source)


@pytest.mark.parametrize(
    "changes", [{"html": ("http://a/",)}, {"html": ("https://a/ b",)}, {"html": (), "way": "notice"}]
)
def test_what_is_no_link_is_refused(changes: dict[str, Any]) -> None:
    """Links are https; notices are plain."""
    found = compose(reply(**changes))
    assert isinstance(found, Refused)
    assert found.code == "html"


@pytest.mark.parametrize(("module", "name"), [(postmark, "postmark"), (resend, "resend"), (sendgrid, "sendgrid")])
def test_providers_that_take_fields_get_both(module: Any, name: Any) -> None:
    """And no HTML where there is none."""
    settings = CourierSettings.model_validate({"kind": name, "api_key": "key"})
    for html, there in ((), True), (None, False):
        asked = module.build(settings, approved(html=html), NOW)
        assert (b"<!DOCTYPE html>" in asked.body) is there
        assert b"we open at nine." in asked.body
