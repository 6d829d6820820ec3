"""What a tenant's store has for collecting online: a module of its own, for every request imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.ports.gateway_collections import Collections, ConsumerNumbers, Gateways, ParkedNotices


class OnlinePayments(Protocol):
    """What a tenant's store has for collecting online."""

    @property
    def gateways(self) -> Gateways:
        """Payment gateways."""

    @property
    def collections(self) -> Collections:
        """Collections through them."""

    @property
    def consumer_numbers(self) -> ConsumerNumbers:
        """Numbers by which banks pay subscribers' bills."""

    @property
    def parked_notices(self) -> ParkedNotices:
        """What they told of and nobody knows."""
