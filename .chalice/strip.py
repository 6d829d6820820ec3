"""Which files of Chalice's zip ship: what our functions never read only costs cold start and size."""

from __future__ import annotations

# The service descriptions our code has clients for; botocore fails at once on any other.
AWS_SERVICES = frozenset({"dynamodb", "kms", "s3", "sesv2", "sns", "sqs", "sts"})
DROPPED_TREES = (
    "cffi/",  # what was built with cffi needs its backend module only
    "pycparser/",
    "chalicelib/cli/",  # runs on the operator's machine
    "chalicelib/local/",
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/",
    # Stripe's package reads its parameters' classes for types only, and requests go through a client of ours.
    "stripe/params/",
    "stripe/events/",  # of webhooks that hold no data, which we take none of
    "stripe/data/",
    "requests/",
    "certifi/",
    "charset_normalizer/",
    "idna/",
    # What is printed has a typeface of its own, and no pictures: pillow comes along with reportlab.
    "reportlab/fonts/",
    "PIL/_avif.",
    "pillow.libs/libavif-",
)
# botocore takes the standard library's TLS whatever there is, but imports this where pyOpenSSL is there
# (webauthn brings it), which costs 25 CPU-ms of every cold start.
DROPPED_FILES = frozenset({"urllib3/contrib/pyopenssl.py"})
DROPPED_SUFFIXES = (".pyi", ".pyc", "/py.typed", ".c", ".h")
# What importlib.metadata reads (a version may be asked for), and the licences.
KEPT_METADATA = ("METADATA", "LICENSE", "LICENCE", "NOTICE", "COPYING")


def is_shipped(name: str) -> bool:
    """Whether the file of that name in the zip ships."""
    if name in DROPPED_FILES or name.startswith(DROPPED_TREES) or name.endswith(DROPPED_SUFFIXES):
        return False
    parts = name.split("/")
    if "tests" in parts:
        return False
    if parts[0].endswith(".dist-info"):
        return parts[-1].startswith(KEPT_METADATA)
    if parts[:2] == ["botocore", "data"] and len(parts) > 3:
        return parts[2] in AWS_SERVICES
    return True
