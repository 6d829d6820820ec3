"""Limits that several use cases share."""

from __future__ import annotations

from typing import Final

TRANSACTION_ACTIONS_MAX: Final = 100
# A billing batch keeps four actions for the number series, the shard's progress, the register of
# numbers and the audit entry; an import batch four for its progress, its
# report, the count of subscribers and the audit.
BATCH_ACTIONS_MAX: Final = TRANSACTION_ACTIONS_MAX - 4
