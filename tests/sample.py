"""The public Telco sample (see README): where it is, how it maps, and what it comes to."""

from __future__ import annotations

import os
from collections.abc import Mapping
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

# The customers whose TotalCharges is blank: those with internet service, and those without.
BLANK_WITH_SERVICE: Final = frozenset({"1371-DWPAZ", "2775-SEFEE", "4075-WKNIU", "4472-LVYGI", "5709-LVOEQ"})
BLANK_WITHOUT: Final = frozenset(
    {"2520-SGTTA", "2923-ARZLG", "3115-CZMZD", "3213-VVOLG", "4367-NUYAO", "7644-OMVMY"}
)


def may_be_missing(environment: Mapping[str, str]) -> bool:
    """Whether tests may do without the sample: not on CI, where nobody would see them skipped."""
    return environment.get("CI", "").lower() != "true"


needs_sample = pytest.mark.skipif(
    not PATH.exists() and may_be_missing(os.environ),
    reason=f"the Telco sample is not at {PATH}: set ISPBILLING_SAMPLE_CSV",
)


def telco_mapping(*, starts_on: str) -> dict[str, Any]:
    """Return the mapping that makes a subscriber of each internet customer."""
    return {
        "columns": {"code": "customerID", "package": "InternetService", "price": "MonthlyCharges"},
        "defaults": {"start_date": starts_on},
        "skip_when": [{"column": "InternetService", "values": ["No"], "reason": "no internet service"}],
    }
