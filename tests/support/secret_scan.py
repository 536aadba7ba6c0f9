"""Finds what looks like a secret in a text: known forms of keys and tokens, and random values."""

import re
from collections import Counter
from collections.abc import Iterator
from math import log2

# Written so that this file does not find itself.
FORMS = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE [K]EY-----\s*[A-Za-z0-9+/]{20}",
    "JWT": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{40,}",
    "GitLab": r"\bglpat-[\w-]{20,}",
    "Slack": r"\bxox[abeoprs]-[\w-]{10,}",
    "Google": r"\bAIza[\w-]{35}\b",
    "Stripe": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}",
    "npm": r"\bnpm_[A-Za-z0-9]{36}\b",
    "package index": r"\bpypi-AgE[\w-]{50,}",
    "AI service": r"\bsk-(?:ant-|proj-)?[\w-]{32,}",
    "URL with a password": r"\b[a-z][a-z+]*://[^\s:/@\"'`]+:(?=[^\s/@\"'`]*\d)[^\s/@\"'`${}]{12,}@",
}
PATTERNS = {name: re.compile(form) for name, form in FORMS.items()}
# A name that says "secret", and a value of one word that is long enough for one.
ASSIGNED = re.compile(
    r"(?i)(?:secret|passw(?:or)?d|token|api_?key|private_?key|credential)\w*[\"']?\s*[:=]+\s*"
    r"(?:[a-z]+\()?[\"']?([\w+/.=-]{20,})"
)
LEAST_BITS = 3.8  # a letter; random base64 of 24 letters has about 4.2, words have 3 to 3.6


def secrets_in(text: str) -> Iterator[str]:
    """Yield what each finding looks like, with its first letters."""
    for name, pattern in PATTERNS.items():
        for found in pattern.finditer(text):
            yield f"{name}: {found[0][:24]}"
    for found in ASSIGNED.finditer(text):
        value = found[1]
        if is_random(value):
            yield f"random value: {value[:12]}"


def is_random(value: str) -> bool:
    """Return whether it has letters of both cases and digits, evenly mixed: no name, no words."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(map(kind, value)) for kind in kinds) and _bits(value) >= LEAST_BITS


def _bits(value: str) -> float:
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * log2(share) for share in shares)
