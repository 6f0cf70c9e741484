"""The one way a page is made of a template: a file that needs nothing beside it, everything from the estate escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def page(package: str, template: str, /, **values: object) -> str:
    """
    Return the page that ``templates/`` of a package describes.

    Templates have the filters ``count`` (1234 → 1,234), ``duration`` (seconds → 1 min 05 s) and ``bytes`` (→ 1.2 MB; a
    dash for None); a value that a template names and nobody gave is an error.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["duration"] = _duration
    environment.filters["bytes"] = _bytes
    return environment.get_template(template).render(**values)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _bytes(size: int | None) -> str:
    if size is None:
        return "–"
    amount, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:,.1f} {unit}"
