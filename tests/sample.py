"""The public Telco sample (see README): where it is, how it maps, and what it comes to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest

PATH: Final = Path(
    os.environ.get("ISPBILLING_SAMPLE_CSV")
    or Path(__file__).parents[2] / "shared" / "data" / "telco-customer-churn.csv"
)
ROWS: Final = 7_043
SUBSCRIBERS: Final = 5_517
NOT_INTERNET: Final = 1_526
TOTAL_MINOR: Final = 42_394_975  # 423,949.75 USD a month

needs_sample = pytest.mark.skipif(not PATH.exists(), reason=f"the Telco sample is not at {PATH}")


def telco_mapping(*, starts_on: str) -> dict[str, Any]:
    """Return the mapping that makes a subscriber of each internet customer."""
    return {
        "columns": {"code": "customerID", "package": "InternetService", "price": "MonthlyCharges"},
        "defaults": {"start_date": starts_on},
        "skip_when": [{"column": "InternetService", "values": ["No"], "reason": "no internet service"}],
    }
