"""Limits that several use cases share."""

from __future__ import annotations

from typing import Final

TRANSACTION_ACTIONS_MAX: Final = 100
# A billing batch keeps four actions for the number series, the shard's progress, the register of
# numbers and the audit entry; an import batch three for its progress, its report and the audit.
BATCH_ACTIONS_MAX: Final = TRANSACTION_ACTIONS_MAX - 4
