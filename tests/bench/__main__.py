"""``make bench``: prints the figures and writes build/bench.json.

Each size is billed several times with the full rules, each time for a fresh tenant and in a
process of its own, on an embedded engine of its own; what is printed and written is the median,
with the number of ``runs`` behind it.
Client CPU is the product's; what is left of the wall time is the engine's own work, the loopback
between them, and whatever else the machine does: given as a share, beside the engine's own CPU.
``stub`` is the same run against a stand-in that answers at once, ``plain`` one line an invoice
without discounts. ``SIZES=1000`` and ``RUNS=1`` in the environment make a quick look.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from chalicelib.adapters.clock import SystemClock
from tests.bench import many_tenants
from tests.bench.books import bench_tenant, seed_books
from tests.bench.engine import ROOT, Bench, bench
from tests.bench.startup import api_import_cpu_ms, zip_mib

SIZES_DEFAULT: Final = "1000 10000 50000 100000"
RUNS_DEFAULT: Final = 3
# What is larger takes the engine more than ten minutes a run, and is billed once (ADR 10).
REPEATED_SIZE_MAX: Final = 50_000
PLAIN_SIZE: Final = 10_000
STUB_INVOICES: Final = 20_000
STUB_SIZES: Final = (1_000, 10_000, 100_000)


def main() -> None:
    """Measure every size and the package, print a table, write the file."""
    sizes = [
        int(size) for size in os.environ.get("SIZES", "").replace(",", " ").split() or SIZES_DEFAULT.split()
    ]
    runs = int(os.environ.get("RUNS", RUNS_DEFAULT))
    billing = {}
    for size in sizes:
        billing[str(size)] = measure(size, runs_of(size, runs))
        print(f"{size:>7} subscribers: {json.dumps(billing[str(size)])}", flush=True)
    billing = {size: {**one, **_growth(one, billing)} for size, one in billing.items()}
    report = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "billing": billing,
        "plain": {str(PLAIN_SIZE): measure(PLAIN_SIZE, runs, full=False)},
        "stub": stub(runs, STUB_INVOICES),
        "stub_client_cpu_us_per_invoice": {
            str(size): stub(1, size)["client_cpu_us_per_invoice"] for size in STUB_SIZES
        },
        "many_tenants": many_tenants.measure(tenants=1_000, subscribers=100),
        "api_import_cpu_ms": api_import_cpu_ms(),
        "zip_mib": zip_mib(),
    }
    target = ROOT / "build" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def runs_of(size: int, runs: int) -> int:
    """Return how often a size is billed where ``runs`` are asked for."""
    return runs if size <= REPEATED_SIZE_MAX else 1


def _growth(one: Mapping[str, float], billing: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return client CPU and round trips an invoice as multiples of the smallest size's."""
    first = next(iter(billing.values()))
    names = ("client_cpu_us_per_invoice", "round_trips_per_invoice")
    return {f"{name}_growth": round(one[name] / first[name], 3) for name in names}


def stub(runs: int, invoices: int) -> dict[str, float]:
    """Return the best of several runs against a database that answers at once, each in its own process."""
    found = []
    for _ in range(max(3, runs)):
        command = [sys.executable, "-m", "tests.bench.stub", str(invoices)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    best = min(found, key=lambda one: one["client_cpu_us_per_invoice"])
    return {name: round(value, 1) for name, value in best.items()}


def measure(size: int, runs: int, *, full: bool = True) -> dict[str, float]:
    """Return the medians for one size, and of how many runs they are."""
    return medians(measure_runs(size, runs, full=full))


def medians(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each figure, and of how many runs it is."""
    return {"runs": len(found), **{name: round(median(one[name] for one in found), 4) for name in found[0]}}


def measure_runs(size: int, runs: int, *, full: bool) -> list[dict[str, float]]:
    """Return the figures of each run of one size."""
    with bench(clock=SystemClock()) as measured:
        return [_one(measured, size, f"ten_{size:020d}{run:06d}", full=full) for run in range(runs)]


def _one(measured: Bench, size: int, tenant_id: str, *, full: bool) -> dict[str, float]:
    seed_books(
        services=measured.services, tenant=bench_tenant(tenant_id=tenant_id), subscribers=size, full=full
    )
    before = _cpu_seconds(measured.engine_pid)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.billing_run", tenant_id],
        env=measured.environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    engine_cpu = _cpu_seconds(measured.engine_pid) - before
    raw: dict[str, Any] = json.loads(done.stdout)
    invoices = raw["invoices"]
    assert invoices == size, f"{invoices} invoices for {size} subscribers"
    assert raw["again_writes"] == 0, "a second run writes nothing"
    return figures(raw, engine_cpu_s=engine_cpu)


def figures(raw: Mapping[str, Any], *, engine_cpu_s: float) -> dict[str, float]:
    """Return a run's figures from what its process has measured."""
    invoices = raw["invoices"]
    return {
        "invoices_per_s": invoices / raw["wall_s"],
        "client_cpu_us_per_invoice": raw["cpu_s"] / invoices * 1e6,
        "engine_cpu_us_per_invoice": engine_cpu_s / invoices * 1e6,
        "engine_us_per_invoice": (raw["wall_s"] - raw["cpu_s"]) / invoices * 1e6,
        "engine_share_of_wall": 1 - raw["cpu_s"] / raw["wall_s"],
        "round_trips_per_invoice": raw["round_trips"] / invoices,
        "write_units_per_invoice": raw["write_units"] / invoices,
        "index_write_units_per_invoice": raw["index_write_units"] / invoices,
        "peak_memory_mib": raw["peak_memory_mib"],
        "second_run_cost_ratio": raw["again_cpu_s"] / raw["cpu_s"],
        "second_run_wall_ratio": raw["again_wall_s"] / raw["wall_s"],
    }


def _cpu_seconds(pid: int) -> float:
    """Return the CPU that a process has used, where the system tells (Linux); else 0."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
