"""Limits that several use cases share."""

from __future__ import annotations

from typing import Final

TRANSACTION_ACTIONS_MAX: Final = 100
# A billing batch keeps three actions for the number series, the shard's progress and the register
# of numbers; an import batch as many for its progress, a page of its report and the audit entry.
BATCH_ACTIONS_MAX: Final = TRANSACTION_ACTIONS_MAX - 3
