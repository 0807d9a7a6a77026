"""Every kind that the settings allow is a courier."""

from __future__ import annotations

from typing import get_args

from outbound.couriers.registry import COURIERS, open_courier
from outbound.settings import CourierSettings


def test_every_kind_in_the_settings_has_its_courier() -> None:
    kinds = get_args(CourierSettings.model_fields["kind"].annotation)
    assert set(kinds) == set(COURIERS)
    for kind in kinds:
        known = {"host": "127.0.0.1", "api_key": "id:secret", "region": "eu-west-1", "domain": "a.example"}
        courier = open_courier(CourierSettings.model_validate({"kind": kind, **known}))
        assert courier.name == kind
