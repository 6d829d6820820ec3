"""Every vendor that a company can name has its adapter."""

from __future__ import annotations

import pytest

from chalicelib.adapters.payments.registry import gateway_finder
from chalicelib.domain.gateways import GatewayKind


@pytest.mark.parametrize("local", [False, True])
def test_every_kind_has_the_adapter_of_its_vendor(*, local: bool) -> None:
    gateway_of = gateway_finder(sandbox=True, local=local)

    assert {kind: gateway_of(kind).kind for kind in GatewayKind} == {kind: kind for kind in GatewayKind}
