"""Rules of sign-up: subdomains, addresses, passwords, tax groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.emails import InvalidEmail, check_email
from chalicelib.domain.errors import InvalidValue
from chalicelib.domain.passwords import WeakPassword, check_password, normal_password, refused_passwords
from chalicelib.domain.staff import ROLE_PERMISSIONS, Permission, Role, check_staff_name
from chalicelib.domain.taxes import InvalidTaxGroup, TaxComponent, TaxGroup, TaxRow, check_tax_group
from chalicelib.domain.tenants import (
    RESERVED_SUBDOMAINS,
    InvalidSubdomain,
    Tenant,
    TenantState,
    UnknownTimeZone,
    check_billing,
    check_company,
    check_settings,
    check_subdomain,
)
from chalicelib.store.tenants import encode_tenant

KNOWN = ("Lahore Net", "lahore-net", "Ayesha Khan", "ayesha")


@pytest.mark.parametrize("subdomain", ["abc", "a1b", "lahore-net", "a-b-c", "n" * 40])
def test_a_good_subdomain(subdomain: str) -> None:
    check_subdomain(subdomain=subdomain)


@pytest.mark.parametrize(
    "subdomain",
    [
        "",
        "ab",
        "n" * 41,
        "1abc",
        "-abc",
        "abc-",
        "a--b",
        "Abc",
        "a_b",
        "a.b",
        "abc\n",
        "ab c",
        "naïve",
        "www",
    ],
)
def test_a_bad_subdomain(subdomain: str) -> None:
    with pytest.raises(InvalidSubdomain):
        check_subdomain(subdomain=subdomain)


@given(st.text(max_size=50))
def test_a_subdomain_is_a_dns_label_or_refused(text: str) -> None:
    try:
        check_subdomain(subdomain=text)
    except InvalidSubdomain:
        return
    assert text.isascii()
    assert text == text.lower()
    assert 3 <= len(text) <= 40
    assert not text.startswith("xn--")


def test_reserved_subdomains_would_be_well_formed_otherwise() -> None:
    assert {"admin", "api", "www", "mail"} <= RESERVED_SUBDOMAINS


@pytest.mark.parametrize(
    "email",
    ["a@b.pk", "first.last+tag@mail.lahore-net.example", "o'brien@example.com", f"{'x' * 64}@example.com"],
)
def test_a_good_email(email: str) -> None:
    assert check_email(email=f" {email} ") == email


@pytest.mark.parametrize(
    "email",
    [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a@b",
        "a@b.",
        "a@.b.c",
        "a b@c.d",
        "a@b@c.d",
        ".a@b.c",
        "a.@b.c",
        "a..b@c.d",
        "a@-b.c",
        "a@b-.c",
        '"a"@b.c',
        "a@[127.0.0.1]",
        "a@b.c\nBcc: d@e.f",
        "a@b.c,d@e.f",
        "a@b.c;d",
        "<a@b.c>",
        "ä@b.c",
        "a@bücher.example",
        f"{'x' * 65}@example.com",
        f"a@{'x' * 64}.com",
        f"a@{'x.' * 130}com",
    ],
)
def test_a_bad_email(email: str) -> None:
    with pytest.raises(InvalidEmail):
        check_email(email=email)


@given(st.text(max_size=300))
def test_an_email_never_holds_what_ends_a_header(text: str) -> None:
    try:
        email = check_email(email=text)
    except InvalidEmail:
        return
    assert email.isprintable()
    assert email.count("@") == 1


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "ayesha likes mangoes",
        "x7#kQ9!mZ2@p",
        "пароль из трёх слов",
        "گوشت اور چاول کھانا",
    ],
)
def test_a_good_password(password: str) -> None:
    check_password(password=password, known=KNOWN)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "elevenchars",
        "x" * 129,
        "aaaaaaaaaaaaaaaa",
        "123456123456",
        "112233445566",
        "password1234",
        "PASSWORD-qwerty!",
        "lahorenet2026",
        "Lahore Net 123",
        "ayeshakhan99!!",
        "Ayesha.Khan.2026",
        "lahore-net-password",
        "correct horse battery staple",
        "P@k1st4n Z1nd4b4d",
        "Superman2024!",
        "dragon.dragon",
        "dragondragondragon",
        "1qaz2wsx3edc",
        "M1cha3lJack50n!!",
        "iloveyou-fatima",
        "!!!karachi786!!!",
    ],
)
def test_a_bad_password(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        check_password(password=password, known=KNOWN, param="owner.password")
    assert refused.value.param == "owner.password"
    assert not password or password not in refused.value.message


def test_a_password_of_128_characters_is_good() -> None:
    check_password(password="four words and a kettle " * 5 + "roofs!!!", known=KNOWN)


def test_three_thousand_passwords_of_sufficient_length_are_refused() -> None:
    long_enough = [one for one in refused_passwords() if len(one) >= 12]

    assert len(long_enough) >= 3_000
    for one in long_enough:
        with pytest.raises(WeakPassword):
            check_password(password=one, known=())


def test_a_few_words_at_random_are_good_though_each_is_common() -> None:
    check_password(password="dragon pepper london monday", known=KNOWN)


def test_the_list_is_as_passwords_are_compared() -> None:
    assert all(one.isalnum() and one == one.casefold() for one in refused_passwords())


def test_a_password_typed_on_another_keyboard_is_the_same() -> None:
    assert normal_password(password="cafe\u0301 au lait") == normal_password(password="caf\u00e9 au lait")


@given(st.text(max_size=140), st.lists(st.text(max_size=20), max_size=4))
def test_checking_a_password_never_fails_otherwise(password: str, known: list[str]) -> None:
    try:
        check_password(password=password, known=known)
    except WeakPassword:
        return
    assert len(normal_password(password=password)) >= 12


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_bad_name(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_staff_name(name=name)
    with pytest.raises(InvalidValue):
        check_company(company=name)


@pytest.mark.parametrize(("hour", "days"), [(-1, 7), (24, 7), (2, -1), (2, 91)])
def test_bad_billing_settings(hour: int, days: int) -> None:
    with pytest.raises(InvalidValue):
        check_billing(billing_hour=hour, payment_days=days)


@pytest.mark.parametrize(
    "time_zone", ["", "Nowhere", "../etc/passwd", "/etc/localtime", "\x00", "asia/karachi\n"]
)
def test_an_unknown_time_zone(time_zone: str) -> None:
    with pytest.raises(UnknownTimeZone):
        check_settings(currency="PKR", time_zone=time_zone, fiscal_year_start_month=7, country="PK")


TAX = TaxComponent(code="sales_tax", name="Sales tax", rate_millionths=195_000)
GROUP = TaxGroup(code="internet", name="Internet", rows=(TaxRow(date(2026, 7, 1), (TAX,)),))


def test_a_good_tax_group() -> None:
    check_tax_group(group=GROUP)
    check_tax_group(group=replace(GROUP, rows=(TaxRow(date(2026, 1, 1), ()), *GROUP.rows)))


@pytest.mark.parametrize(
    "group",
    [
        replace(GROUP, code=""),
        replace(GROUP, code="-a"),
        replace(GROUP, code="A"),
        replace(GROUP, name=" "),
        replace(GROUP, rows=()),
        replace(GROUP, rows=GROUP.rows * 2),
        replace(GROUP, rows=tuple(TaxRow(date(2000 + n, 1, 1), ()) for n in range(201))),
        replace(GROUP, rows=(TaxRow(date(2026, 7, 1), (TAX, TAX)),)),
        replace(GROUP, rows=(TaxRow(date(2026, 7, 1), (replace(TAX, rate_millionths=-1),)),)),
        replace(GROUP, rows=(TaxRow(date(2026, 7, 1), (replace(TAX, name=""),)),)),
        replace(
            GROUP,
            rows=(TaxRow(date(2026, 7, 1), tuple(replace(TAX, code=f"t{n}") for n in range(6))),),
        ),
    ],
)
def test_a_bad_tax_group(group: TaxGroup) -> None:
    with pytest.raises(InvalidTaxGroup):
        check_tax_group(group=group)


def test_no_role_may_do_what_is_for_nobody() -> None:
    for role in Role:
        assert Permission.SELF in ROLE_PERMISSIONS[role]
        assert Permission.PUBLIC not in ROLE_PERMISSIONS[role]


def test_an_auditor_changes_nothing() -> None:
    writes = {one for one in Permission if one.value.endswith((":write", ":run"))}
    assert not writes & ROLE_PERMISSIONS[Role.AUDITOR]


def test_tax_groups_are_refused_before_the_tenants_record_is_too_large() -> None:
    rows = tuple(
        TaxRow(
            starts_on=date(2026, 1, 1 + day),
            components=tuple(TaxComponent(f"{'c' * 39}{n}", "ٹ" * 80, 1) for n in range(5)),
        )
        for day in range(20)
    )
    groups = [TaxGroup(code=f"group{number}", name="Large", rows=rows) for number in range(3)]
    tenant = tenant_with(()).with_tax_group(group=groups[0]).with_tax_group(group=groups[1])

    with pytest.raises(InvalidTaxGroup, match="64 KB together"):
        tenant.with_tax_group(group=groups[2])

    small = TaxGroup(code="small", name="Small", rows=rows[:1])
    assert len(tenant.with_tax_group(group=small).tax_groups) == 3
    assert len(encode_tenant(tenant).encode()) < 70_000


def tenant_with(tax_groups: tuple[TaxGroup, ...]) -> Tenant:
    return Tenant(
        tenant_id="ten_1",
        company="Lahore Net",
        subdomain="lahore-net",
        country="PK",
        currency="PKR",
        time_zone="Asia/Karachi",
        fiscal_year_start_month=7,
        state=TenantState.ACTIVE,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        tax_groups=tax_groups,
    )
