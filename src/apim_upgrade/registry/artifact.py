"""
The artifact of an API or product: the XML of its ``api`` resource, read and edited.

Root ``metadata``, tables as elements below it (``overview`` above all), fields as elements of a table, values as
text. What is not known here is kept as it is.
"""

from __future__ import annotations

from lxml import etree


def xml_parser() -> etree.XMLParser:
    """Make a parser that trusts nothing: no entities, no network, no giant trees."""
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)


class BrokenArtifact(ValueError):
    """The content is not an artifact; the text says why, in one clause."""


class Artifact:
    """
    One artifact.

    A product may have a second ``overview`` whose fields are all empty, so the first value that is not empty counts.
    Table names are compared without case: old releases wrote ``uriTemplate``.
    """

    __slots__ = ("_root",)

    def __init__(self, root: etree._Element) -> None:
        self._root = root

    @classmethod
    def parse(cls, content: bytes | memoryview | None) -> Artifact:
        """Read the content of an ``api`` resource. Raises BrokenArtifact."""
        if not content:
            raise BrokenArtifact("it has no content")
        try:
            root = etree.fromstring(bytes(content), xml_parser())
        except etree.XMLSyntaxError as error:
            raise BrokenArtifact(f"it is not well-formed XML (line {error.lineno})") from None
        if _local_name(root) != "metadata":
            raise BrokenArtifact(f"its root element is {_local_name(root)!r}, not 'metadata'")
        return cls(root)

    def get(self, field: str, table: str = "overview") -> str:
        """Return the first value of a field that is not empty; empty text when it is not set."""
        return next(iter(self.values(field, table)), "")

    def values(self, field: str, table: str = "overview") -> list[str]:
        """Return every value of a field that is not empty, such as several labels."""
        return [leaf.text for leaf in self._leaves(field, table) if leaf.text]

    def has(self, field: str, table: str = "overview") -> bool:
        """Say whether the field is there at all, be it empty."""
        return bool(self._leaves(field, table))

    def set(self, field: str, value: str, table: str = "overview") -> bool:
        """Give a field one value, making the field (and its table) when absent; say whether that changed anything."""
        if self.get(field, table) == value and (value or self.has(field, table)):
            return False
        tables = self._tables(table)
        home = tables[0] if tables else etree.SubElement(self._root, self._name(table))
        leaf = next((child for child in _elements(home) if _local_name(child) == field), None)
        if leaf is None:
            leaf = etree.SubElement(home, self._name(field))
        leaf.text = value
        return True

    def to_bytes(self) -> bytes:
        """Write the artifact as the product does: no declaration, UTF-8, empty fields with an end tag."""
        for element in self._root.iter():
            if isinstance(element.tag, str) and not len(element) and element.text is None:
                element.text = ""
        return etree.tostring(self._root, encoding="utf-8", xml_declaration=False)

    def _tables(self, table: str) -> list[etree._Element]:
        return [child for child in _elements(self._root) if _local_name(child).lower() == table.lower()]

    def _leaves(self, field: str, table: str) -> list[etree._Element]:
        return [leaf for element in self._tables(table) for leaf in _elements(element) if _local_name(leaf) == field]

    def _name(self, local: str) -> str:
        namespace = etree.QName(self._root).namespace
        return f"{{{namespace}}}{local}" if namespace else local


def _elements(parent: etree._Element) -> list[etree._Element]:
    """Children that are elements, without comments and processing instructions."""
    return [child for child in parent if isinstance(child.tag, str)]


def _local_name(element: etree._Element) -> str:
    return etree.QName(element).localname
