"""Data caps with overage, rollover, top-up, fair use and block; prepaid service that renews itself.

The figures of each story are beside it, computed by hand; amounts are paisa.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from chalicelib.usecases.prepaid_endings import EndingPass, see_to_endings
from tests.integration.golden_figures import Q1, Q2, Q3, Figures, R, entries
from tests.integration.golden_isp import NIGHT, GoldenIsp, day, instant, pkr
from tests.integration.shop import Item, if_match, ok


def _path(isp: GoldenIsp, key: str, rest: str) -> str:
    return f"/v1/subscriptions/{isp.sold[key]['subscription_id']}/{rest}"


def use(isp: GoldenIsp, key: str, mib: int) -> Item:
    """Record data used now; return how it stands then."""
    record = {"record_id": f"session-{isp.today}", "up_mib": mib // 8, "down_mib": mib - mib // 8}
    return ok(isp.send(_path(isp, key, "usage"), record))


def top_up(isp: GoldenIsp, key: str) -> Item:
    """Buy more data; return how it stands then."""
    return isp.post(_path(isp, key, "top-ups"), {"package_id": isp.packages["Top-up"]["package_id"]})


def close(isp: GoldenIsp, key: str, start: str) -> Item:
    """Close the period of use that began on a day, unless it is closed already; return it."""
    period = isp.get(_path(isp, key, f"usage?on={day(start)}"))
    if not period["closed"]:
        period = ok(isp.send(_path(isp, key, "usage/closings"), {"period_start": day(start).isoformat()}))
    return period


# -- Musa: more than the cap in September ----------------------------------------------------

# 1,200.00: 234.00; 1,434.00 x 0.15 = 215.10: 1,649.10.
_METERED: Final = (R, 120_000, 23_400, 21_510)
# 99.00: x 0.195 = 19.305, 19.31; 118.31 x 0.15 = 17.7465: 136.06.
_TOP_UP: Final = ("top_up", 9_900, 1_931, 1_775)
MUSA: Final = Figures(
    bills=[
        ("08-01", [_METERED], 164_910, 0),
        ("09-01", [_METERED], 164_910, 0),
        ("09-20", [_TOP_UP], 13_606, 0),
        # 14,000 MiB of 2,240 carried, 10,240 included and 1,024 topped up: 496 more, at 50.00 for
        # 1,024: 24.21875, 24.22; x 0.195 = 4.7229; 28.94 x 0.15 = 4.341.
        ("10-01", [_METERED, ("usage", 2_422, 472, 434)], 168_238, 0),
    ],
    statement=entries("""
        08-01 INV 164_910, 08-04 RCP -164_910, 09-01 INV 164_910, 09-04 RCP -164_910,
        09-20 INV 13_606, 09-22 RCP -13_606, 10-01 INV 168_238, 10-04 RCP -168_238
    """),
    ledger={
        Q1: {
            "cash:cash": 2 * 164_910 + 13_606,
            "revenue:recurring": -2 * 120_000,
            "revenue:top_up": -9_900,
            "tax:sales_tax": -(2 * 23_400 + 1_931),
            "tax:ait": -(2 * 21_510 + 1_775),
        },
        Q2: {
            "cash:cash": 168_238,
            "revenue:recurring": -120_000,
            "revenue:usage": -2_422,
            "tax:sales_tax": -(23_400 + 472),
            "tax:ait": -(21_510 + 434),
        },
    },
)


def musa(isp: GoldenIsp) -> None:
    """August's rest is carried over; September takes it, a top-up, and more."""

    def sell() -> None:
        cap = {"included_mib": 10_240, "action": "charge", "rollover": True, "overage_per_gib": pkr(5_000)}
        terms = {"tax_group": "internet", "cap": cap}
        isp.packages["Metered"] = isp.shop.package(name="Metered", price=pkr(120_000), **terms)
        more = {"tax_group": "internet", "kind": "top_up", "top_up_mib": 1_024}
        isp.packages["Top-up"] = isp.shop.package(name="Top-up", price=pkr(9_900), **more)
        isp.sell("Musa", "Metered")

    def beyond() -> None:
        standing = use(isp, "Musa/Metered", 4_000)
        assert (standing["state"], standing["carried_mib"], standing["over_mib"]) == ("charged", 2_240, 496)
        assert standing["overage"] == pkr(2_422)

    isp.on("08-01", sell)
    isp.on("08-04", isp.pay("Musa", 164_910))
    isp.on("08-10", lambda: use(isp, "Musa/Metered", 8_000))
    isp.on("09-01", lambda: close(isp, "Musa/Metered", "08-01"))
    isp.on("09-04", isp.pay("Musa", 164_910))
    isp.on("09-10", lambda: use(isp, "Musa/Metered", 10_000))
    isp.on("09-20", lambda: top_up(isp, "Musa/Metered"))
    isp.on("09-22", isp.pay("Musa", 13_606))
    isp.on("09-25", beyond)
    isp.on("10-01", lambda: close(isp, "Musa/Metered", "09-01"))
    isp.on("10-04", isp.pay("Musa", 168_238))
    isp.on("10-10", isp.end("Musa/Metered", "11-01"))


# -- Noor: slow on one line, blocked on the other --------------------------------------------

NOOR: Final = Figures(
    bills=[
        ("10-05", [(R, 50_000, 0, 0), (R, 30_000, 0, 0)], 80_000, 0),
        ("10-06", [_TOP_UP], 13_606, 0),
    ],
    statement=entries("10-05 INV 80_000, 10-06 INV 13_606, 10-08 RCP -93_606"),
    ledger={
        Q2: {
            "cash:cash": 93_606,
            "revenue:recurring": -80_000,
            "revenue:top_up": -9_900,
            "tax:sales_tax": -1_931,
            "tax:ait": -1_775,
        }
    },
)


def noor(isp: GoldenIsp) -> None:
    """Two caps that are used up on the second day."""

    def sell() -> None:
        slow = {"included_mib": 2_048, "action": "fair_use", "fair_use_down_kbps": 1_000}
        for name, price, cap in (
            ("Fair", 50_000, {**slow, "fair_use_up_kbps": 500}),
            ("Block", 30_000, {"included_mib": 1_024, "action": "block"}),
        ):
            isp.packages[name] = isp.shop.package(name=name, price=pkr(price), cap=cap)
            isp.sell("Noor", name)

    def used_up() -> None:
        slow = use(isp, "Noor/Fair", 2_100)
        assert (slow["state"], slow["download_kbps"], slow["upload_kbps"]) == ("fair_use", 1_000, 500)
        assert use(isp, "Noor/Block", 1_500)["state"] == "blocked"
        more = top_up(isp, "Noor/Block")
        assert (more["state"], more["left_mib"]) == ("allowed", 1_024 + 1_024 - 1_500)

    isp.on("10-05", sell)
    isp.on("10-06", used_up)
    isp.on("10-08", isp.pay("Noor", 93_606))
    isp.on("10-10", isp.end("Noor/Fair", "11-05"), isp.end("Noor/Block", "11-05"))


# -- Umer: a week at a time from the wallet --------------------------------------------------

_WEEK: Final = ("recharge", 30_000, 0, 0)
UMER: Final = Figures(
    bills=[(on, [_WEEK], 30_000, 0) for on in ("03-01", "03-08", "03-20")],
    credited=[_WEEK],
    # 700.00 is enough for two weeks and not for three.
    statement=entries("""
        03-01 INV 30_000, 03-01 RCP -70_000, 03-08 INV 30_000,
        03-20 INV 30_000, 03-20 CRN -30_000, 03-20 RCP -20_000, 03-21 RFD 30_000
    """),
    ledger={Q3: {"cash:cash": 70_000 + 20_000 - 30_000, "revenue:recharge": -(3 * 30_000 - 30_000)}},
)


def umer(isp: GoldenIsp) -> None:
    """Renewed once by itself, ended when the wallet is empty; a recharge that is taken back."""

    def recharge() -> Item:
        path = f"{isp.of('Umer')}/recharges"
        return isp.post(path, {"package_id": isp.packages["Week pass"]["package_id"]})

    def register() -> None:
        terms = {"kind": "prepaid", "valid_minutes": 7 * 24 * 60}
        isp.packages["Week pass"] = isp.shop.package(name="Week pass", price=pkr(30_000), **terms)
        isp.people["Umer"] = isp.shop.subscriber(name="Umer")
        isp.pay("Umer", 70_000, allocate="none")()
        line = recharge()["line"]
        path = f"/v1/prepaid/{line['subscription_id']}"
        ok(isp.shop.tenant.api.patch(path, json={"auto_renew": True}, headers=if_match(line)))

    def line() -> Item:
        (found,) = isp.get(f"{isp.of('Umer')}/prepaid")["items"]
        return dict(found)

    def renewed() -> None:
        see_to(isp, before=timedelta(minutes=3))
        assert line()["expires_at"] == "2027-03-15T01:00:00+05:00"

    def ended() -> None:
        see_to(isp, before=timedelta(minutes=3))
        see_to(isp)
        assert (line()["state"], line()["ended"]) == ("expired", "insufficient_credit")

    def taken_back() -> None:
        invoice = recharge()["invoice"]
        isp.post(f"/v1/invoices/{invoice['invoice_id']}/recharge-reversal", {"reason": "the wrong package"})
        assert line()["state"] == "expired"

    isp.on("03-01", register)
    isp.on("03-08", renewed)
    isp.on("03-15", ended)
    isp.on("03-20", isp.pay("Umer", 20_000, allocate="none"), taken_back)
    isp.on("03-21", isp.give_back("Umer", 30_000, "credit"))


def see_to(isp: GoldenIsp, before: timedelta = timedelta()) -> None:
    """See to prepaid lines that run out, as the schedule does, so long before staff's hour."""
    store = isp.shop.services.stores.of(tenant_id=isp.shop.tenant.tenant_id)
    at = instant(isp.today, NIGHT) - before
    see_to_endings(work=EndingPass(store=store, at=at, out_of_time=lambda: False))


FIGURES: Final = {"Musa": MUSA, "Noor": NOOR, "Umer": UMER}


def plan(isp: GoldenIsp) -> None:
    """What happens in these stories."""
    for story in (musa, noor, umer):
        story(isp)
