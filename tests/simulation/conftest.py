"""The engine for simulations of the whole platform; those of rules alone do without."""

from __future__ import annotations

from tests.integration.conftest import engine_services

__all__ = ["engine_services"]
