"""The data map of what the platform keeps beside its tenants' data."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.data_map import Controller, Stored, Subject
from chalicelib.domain.data_map_handlings import (
    CHOICE_OF_VISITOR,
    COMPANY,
    COUNT,
    DEVICE,
    KEY,
    KNOWN_NETWORK,
    LAST_OWNERS,
    PURGED,
    SETTING,
    SIGNED_UP,
    STAFF_STATE,
    TOKEN,
)

PLATFORM: Final[tuple[Stored, ...]] = (
    Stored("api_keys.FoundKeyItem", "finds a key by its token", Subject.STAFF,
           {STAFF_STATE: "expires_at key_id permissions tenant_id used_at"}),
    Stored("origins.OriginItem", "web pages that may call the API", Subject.ISP, {SETTING: "tenants"}),
    Stored("tenants.ListedTenantItem", "the list of ISPs", Subject.ISP, {COMPANY: "data state"},
           {"data": "company, subdomain, country, currency, time zone"}, controller=Controller.PLATFORM),
    Stored("tenants.SubdomainItem", "a subdomain that is taken", Subject.ISP,
           {COMPANY: "held_until state tenant_id"}, controller=Controller.PLATFORM),
    Stored("wrapped_keys.WrappedKeyItem", "a key, wrapped", Subject.NOBODY,
           {KEY: "at destroyed_at digest wrapped wrapped_by"}),
    Stored("purges.PurgeItem", "how far a purge is", Subject.ISP,
           {PURGED: "counts destroyed finished_at not_before started_at step version", LAST_OWNERS: "owners"},
           {"owners": "names and addresses of the owners, until the certificate is mailed"},
           controller=Controller.PLATFORM),
    Stored("purges.CertificateItem", "a certificate of deletion", Subject.ISP,
           {PURGED: "issued_at mac text"}, controller=Controller.PLATFORM),
    Stored("tenants.SignUpItem", "a sign-up that nobody confirmed yet", Subject.ISP,
           {SIGNED_UP: "digest owner_id subdomain"}, controller=Controller.PLATFORM),
    Stored("sessions.SessionItem", "a session", Subject.STAFF,
           {TOKEN: "actor_id created_at csrf_hash expires_at granted held idle_expires_at read_only role "
                   "scope second_factor session_id tenant_id ttl used_at"}, also=(Subject.SUBSCRIBER,)),
    Stored("sessions.PersonItem", "a person's sessions and devices", Subject.STAFF,
           {TOKEN: "begun created_at expires_at token_hash ttl", DEVICE: "device"},
           {"device": "browser and address that it began from"}, also=(Subject.SUBSCRIBER,)),
    Stored("consents.VisitorConsentItem", "a visitor's choice: what was agreed to, when, to which text, how",
           Subject.VISITOR, {CHOICE_OF_VISITOR: "choice consent_id ttl"}, controller=Controller.PLATFORM),
    Stored("networks.NetworksItem", "networks that exports were downloaded from", Subject.STAFF,
           {KNOWN_NETWORK: "known ttl"}),
    Stored("portal_codes.AskedItem", "a code for the portal", Subject.SUBSCRIBER,
           {TOKEN: "expires_at sent tenant_id tries ttl"}),
    Stored("portal_codes.NewestItem", "the newest code of an address", Subject.SUBSCRIBER,
           {TOKEN: "challenge_hash ttl"}),
    Stored("support.OpenedItem", "a token of platform support", Subject.STAFF,
           {TOKEN: "access_id session_hash staff_id tenant_id ttl until write"}),
    Stored("tokens.OneTimeItem", "a token that is good once", Subject.STAFF,
           {TOKEN: "expires_at subject ttl"}, also=(Subject.SUBSCRIBER, Subject.VISITOR)),
    Stored("tokens.AttemptsItem", "a count of attempts", Subject.NOBODY, {COUNT: "attempts ttl"}),
)  # fmt: skip
