"""What a service does before its doors open, so that no mail waits for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from agent.models.openai import OpenAIModel
from agent.models.settings import ModelSettings
from agent.roles import ALL
from agent.serve import warm


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_the_collector_leaves_alone_what_is_loaded() -> None:
    """It looks through modules again and again otherwise: a fifth of a turn's processor time."""
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    warm(OpenAIModel(ModelSettings(base_url="http://127.0.0.1:9/v1"), concurrency=1), ALL)
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] > 700
