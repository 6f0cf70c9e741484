"""The ``api`` artifact of the registry: an XML of fields, some of which hold JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lxml import etree

from apim_upgrade.gateway.model import Unbuildable

_ABSENT = ("", "null", "NULL")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one artifact."""

    overview: dict[str, str]
    categories: tuple[str, ...]

    @classmethod
    def parse(cls, artifact: bytes) -> Fields:
        """Read an artifact; of a field that stands twice, the first value counts. Raises Unbuildable."""
        if not artifact:
            raise Unbuildable(
                "The registry has no folder with the artifact of this revision.",
                "Delete the revision in the Publisher portal, or make it anew there.",
            )
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
        )
        try:
            root = etree.fromstring(artifact, parser)
        except etree.XMLSyntaxError as error:
            raise Unbuildable(
                f"The artifact in the registry is not well-formed XML (line {error.lineno}).",
                "Mend the resource 'api' of this API in the registry, then run again for the failed items.",
            ) from None
        overview: dict[str, str] = {}
        categories = []
        for table in root:
            kind = etree.QName(table).localname
            if kind == "overview":
                for leaf in table:
                    name = etree.QName(leaf).localname
                    if leaf.text and not overview.get(name):
                        overview[name] = leaf.text
            elif kind == "apiCategories":
                categories += [leaf.text for leaf in table if leaf.text]
        return cls(overview, tuple(categories))

    def text(self, name: str) -> str:
        """Return a field of the table ``overview``; empty when it is not set."""
        value = self.overview.get(name, "")
        return "" if value in _ABSENT else value

    def optional(self, name: str) -> str | None:
        """Return a field, or None when it is not set."""
        return self.text(name) or None

    def flag(self, name: str) -> bool:
        """Say whether a field is ``true``."""
        return self.text(name).lower() == "true"

    def number(self, name: str) -> int | None:
        """Return a field as a whole number, None when it is not set or none."""
        try:
            return int(self.text(name))
        except ValueError:
            return None

    def items(self, name: str, separator: str = ",") -> list[str]:
        """Return the parts of a list, without blanks around them and without empty ones."""
        return [part.strip() for part in self.text(name).split(separator) if part.strip()]

    def json(self, name: str) -> Any:
        """Return a field that holds JSON, None when it is not set. Raises Unbuildable when it is not JSON."""
        value = self.text(name)
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise Unbuildable(
                f"The field {name} of the artifact in the registry is not JSON.",
                "Open the API in the Publisher portal of the old server, save it, and run again.",
            ) from error
