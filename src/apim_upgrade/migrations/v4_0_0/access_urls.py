"""
Access URLs of a 3.x gateway label as virtual hosts of a 4.x environment.

A virtual host is one host name with a port per scheme; a label has any number of URLs, several for one host too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "9099", "wss": "8099"}
_ALWAYS_OFFERED = ("ws", "wss")
NOT_OFFERED = "-1"


@dataclass(slots=True)
class VirtualHost:
    """One host of an environment; ``ports`` by scheme, only those that a URL named."""

    host: str
    context: str = ""
    ports: dict[str, str] = field(default_factory=dict)

    def port(self, scheme: str, *, marks_absence: bool) -> str:
        """
        Return the port to store for a scheme, as text.

        From 4.2.0 a scheme that no URL names is -1, not offered (``marks_absence``); before, it had its default port.
        """
        if scheme in self.ports:
            return self.ports[scheme]
        return NOT_OFFERED if marks_absence and scheme not in _ALWAYS_OFFERED else _DEFAULT_PORTS[scheme]


def virtual_hosts(urls: Iterable[str]) -> tuple[list[VirtualHost], list[str]]:
    """Return the hosts that the URLs name, merged per host, and a sentence for each URL that does not fit."""
    hosts: dict[str, VirtualHost] = {}
    problems = []
    for url in urls:
        text = url.strip()
        try:
            parts = urlsplit(text if "://" in text else f"https://{text}")
            scheme, host, port = parts.scheme.lower(), _host(parts.netloc), parts.port
        except ValueError:
            problems.append(f"{text!r} is not a URL")
            continue
        if scheme not in _DEFAULT_PORTS or not host:
            problems.append(f"{text!r} is not an http, https, ws or wss URL with a host")
            continue
        known = hosts.setdefault(host, VirtualHost(host))
        wanted = str(port) if port else _DEFAULT_PORTS[scheme]
        if known.ports.setdefault(scheme, wanted) != wanted:
            problems.append(f"{text!r} names a second {scheme} port of {host}; {known.ports[scheme]} is kept")
        context = "" if parts.path == "/" else parts.path
        known.context = known.context or context
        if context and known.context != context:
            problems.append(f"{text!r} names a second path of {host}; {known.context!r} is kept")
    return list(hosts.values()), problems


def _host(netloc: str) -> str:
    """The host in the spelling of the URL, brackets of an IPv6 address included."""
    address = netloc.rpartition("@")[2]
    if address.startswith("["):
        return address.partition("]")[0] + "]"
    return address.partition(":")[0]
