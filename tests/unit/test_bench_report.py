"""What `make bench` writes: the figures that are asked of it, and of how many runs each is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import __main__ as bench
from tests.bench import many_tenants

WANTED = {
    "runs",
    "invoices_per_s",
    "client_cpu_us_per_invoice",
    "write_units_per_invoice",
    "index_write_units_per_invoice",
    "peak_memory_mib",
    "second_run_cost_ratio",
}
RAW = {
    "invoices": 1_000,
    "wall_s": 1.0,
    "cpu_s": 0.1,
    "round_trips": 40,
    "write_units": 4_170.0,
    "index_write_units": 0.0,
    "peak_memory_mib": 80.0,
    "again_wall_s": 0.02,
    "again_cpu_s": 0.002,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[int, int]]:
    """The sizes that are measured, and how often: nothing is run, each run takes a second longer."""
    asked: list[tuple[int, int]] = []

    def measure_runs(size: int, runs: int, *, full: bool) -> list[dict[str, float]]:
        if full:
            asked.append((size, runs))
        raw: list[dict[str, Any]] = [{**RAW, "wall_s": float(run + 1)} for run in range(runs)]
        return [bench.figures(one, engine_cpu_s=0.5) for one in raw]

    monkeypatch.setattr(bench, "measure_runs", measure_runs)
    monkeypatch.setattr(bench, "stub", lambda *_: {"client_cpu_us_per_invoice": 95.0})
    monkeypatch.setattr(many_tenants, "measure", lambda **_: {})
    monkeypatch.setattr(bench, "api_import_cpu_ms", lambda: 264.0)
    monkeypatch.setattr(bench, "zip_mib", lambda: 14.0)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.delenv("SIZES", raising=False)
    monkeypatch.delenv("RUNS", raising=False)
    return asked


def test_the_report_has_the_wanted_figures_and_of_how_many_runs_they_are(
    asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    bench.main()

    report = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert asked == [(1_000, 3), (10_000, 3), (50_000, 3), (100_000, 1)]
    assert {size: one["runs"] for size, one in report["billing"].items()} == {
        "1000": 3,
        "10000": 3,
        "50000": 3,
        "100000": 1,
    }
    assert all(set(one) >= WANTED for one in report["billing"].values())
    assert (report["api_import_cpu_ms"], report["zip_mib"]) == (264.0, 14.0)
    assert "runs" not in report


def test_a_figure_is_the_median_of_its_runs(asked: list[tuple[int, int]], tmp_path: Path) -> None:
    bench.main()

    one = json.loads((tmp_path / "build" / "bench.json").read_text())["billing"]["1000"]
    assert one["invoices_per_s"] == 500.0  # of 1,000, 500 and 333
    assert one["client_cpu_us_per_invoice"] == 100.0
    assert one["write_units_per_invoice"] == 4.17
    assert one["second_run_cost_ratio"] == 0.02
