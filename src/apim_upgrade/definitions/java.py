"""What the product's runtime takes for an address, a date or bytes."""

from __future__ import annotations

import base64
import binascii
import datetime
import re

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.\d{0,9})?)?(?:[Zz]|[+-]\d\d(?::\d\d(?::\d\d)?)?)", re.ASCII
).fullmatch
_SCHEMES_OF_URLS = frozenset(("http", "https", "ftp", "file", "jar", "mailto", "jrt", "jmod"))
_URL = re.compile(r"(?:url:)?([a-z][a-z0-9+.\-]*):(.*)", re.IGNORECASE | re.DOTALL).fullmatch


def is_url(text: str) -> bool:
    """Whether ``java.net.URL`` takes it: a scheme that it has a handler for, and a port that is a number."""
    match = _URL(text.strip("".join(map(chr, range(33)))))
    if match is None or match[1].lower() not in _SCHEMES_OF_URLS:
        return False
    rest = match[2]
    if match[1].lower() == "jar":
        return "!/" in rest
    if not rest.startswith("//"):
        return True
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        authority = authority.partition("]")[2]
    port = authority.partition(":")[2]
    return not port or port.isdecimal()


def is_date(text: str) -> bool:
    """Whether it has the form of a full date of RFC 3339; months and days are not counted."""
    return _DATE(text) is not None


def is_date_time(text: str) -> bool:
    """Whether ``OffsetDateTime.parse`` takes it."""
    match = _DATE_TIME(text)
    if match is None:
        return False
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        datetime.datetime(year or 4, month, day, hour, minute, second)
    except ValueError:
        return False
    return True


def is_base64(text: str) -> bool:
    """Whether the basic decoder takes it; padding may be left out."""
    try:
        base64.b64decode(text + "=" * (-len(text) % 4) if "=" not in text else text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
