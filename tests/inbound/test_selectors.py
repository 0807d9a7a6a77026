"""Which elements a mail's style sheets hide: as browsers say, and where nobody can say, kept from the model."""

from __future__ import annotations

import pytest

from inbound import codes
from inbound.text import read_html
from tests.inbound.style_cases import DOUBTFUL, EVIL, HIDDEN, SEEN


@pytest.mark.parametrize("page", [*HIDDEN.values(), *DOUBTFUL.values()], ids=[*HIDDEN, *DOUBTFUL])
def test_what_is_or_may_be_hidden_is_left_out(page: str) -> None:
    """And that there was some is a risk."""
    seen = read_html(page)
    assert (EVIL in seen.text, seen.risks) == (False, (codes.HIDDEN_TEXT,))


@pytest.mark.parametrize("page", [*HIDDEN.values()], ids=HIDDEN)
def test_what_stands_beside_it_is_read(page: str) -> None:
    """What hides one part of a page does not take the rest."""
    assert "good words" in read_html(page).text


@pytest.mark.parametrize("page", SEEN.values(), ids=SEEN)
def test_what_is_not_meant_is_seen(page: str) -> None:
    """Rules for other elements, other states and other readers hide nothing, and are no risk."""
    seen = read_html(page)
    assert (EVIL in seen.text, seen.risks) == (True, ())
