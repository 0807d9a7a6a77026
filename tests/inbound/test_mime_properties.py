"""What holds for every mail, whatever is in it."""

from __future__ import annotations

from collections import Counter
from email.message import EmailMessage

from hypothesis import given, settings
from hypothesis import strategies as st

from inbound.contracts import NormalizedEmail, Quarantined
from inbound.mime import normalize

FRAGMENTS = st.sampled_from(
    [
        *(
            b"From: a@b.example",
            b"From : c@d.example",
            b'To: "',
            b"Subject: =?utf-8?q?a=0D?=",
            b"\r\n",
            b"\r\n\r\n",
            b"\n",
        ),
        *(b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: text/html", b"Content-Type: message/rfc822"),
        *(b'Content-Type: multipart/alternative; boundary="b"', b"--b", b"--b--", b"Content-Transfer-Encoding: base64"),
        *(b"Content-Disposition: attachment; filename*=x''%ff", b"; charset=", b"utf-7", b"\0", b"\xff", b"<p hidden>"),
        *(
            b"Message-ID: <x@y>",
            b"Date: 31 Feb",
            b"> ",
            b"-- ",
            b"On 1.1.2026 A wrote:",
            b"=?",
            b"\r",
            b"begin 644 a",
            b"+2AA-",
        ),
    ]
)
WORDS = st.lists(
    st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=12), min_size=1, max_size=30
)


@given(st.binary(max_size=2_000))
def test_no_bytes_raise(raw: bytes) -> None:
    """Any bytes are a mail or are quarantined."""
    assert isinstance(normalize(raw), NormalizedEmail | Quarantined)


@settings(max_examples=300)
@given(st.lists(FRAGMENTS | st.binary(max_size=8), max_size=40))
def test_no_mixture_of_mail_raises(fragments: list[bytes]) -> None:
    """Pieces of mail in any order; what is found can be stored and is the same each time."""
    raw = b"".join(fragments)
    found = normalize(raw)
    assert found == normalize(raw)
    assert found.model_dump_json().encode("utf-8")
    if isinstance(found, NormalizedEmail):
        assert not set("\0\u202e\u2066") & set(found.text + found.subject)
        assert all("/" not in one.name and "\\" not in one.name for one in found.attachments)


@given(WORDS, st.sampled_from(["utf-8", "gb18030"]), st.sampled_from(["base64", "quoted-printable"]))
def test_words_come_through(words: list[str], charset: str, encoding: str) -> None:
    """Text in any script and encoding is read as it was written."""
    mail = EmailMessage()
    mail["From"] = "a@b.example"
    mail.set_content("\n".join(words), charset=charset, cte=encoding)
    found = normalize(mail.as_bytes())
    assert isinstance(found, NormalizedEmail)
    assert found.text.split() == " ".join(words).split()
    assert Counter(f"{found.new_text} {found.signature} {found.quoted}".split()) == Counter(found.text.split())


@given(WORDS)
def test_a_page_says_its_words(words: list[str]) -> None:
    """HTML that hides nothing is read whole and is no risk."""
    mail = EmailMessage()
    mail["From"] = "a@b.example"
    mail.set_content("".join(f"<p>{word}</p>" for word in words), subtype="html")
    found = normalize(mail.as_bytes())
    assert isinstance(found, NormalizedEmail)
    assert found.text.split() == " ".join(words).split()
    assert found.risks == ()
