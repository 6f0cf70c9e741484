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

    __slots__ = ("_leaves", "_root", "_tables")

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._tables: dict[str, etree._Element] = {}
        self._leaves: dict[tuple[str, str], list[etree._Element]] = {}
        for table in root:
            if isinstance(table.tag, str):
                name = _local_name(table).lower()
                self._tables.setdefault(name, table)
                for leaf in table:
                    if isinstance(leaf.tag, str):
                        self._leaves.setdefault((name, _local_name(leaf)), []).append(leaf)

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
        return [leaf.text for leaf in self._leaves.get((table.lower(), field), ()) if leaf.text]

    def has(self, field: str, table: str = "overview") -> bool:
        """Say whether the field is there at all, be it empty."""
        return (table.lower(), field) in self._leaves

    def set(self, field: str, value: str, table: str = "overview") -> bool:
        """Give a field one value, making the field (and its table) when absent; say whether that changed anything."""
        if self.get(field, table) == value and (value or self.has(field, table)):
            return False
        key = table.lower()
        if key not in self._tables:
            self._tables[key] = etree.SubElement(self._root, self._name(table))
        home = self._tables[key]
        leaves = self._leaves.setdefault((key, field), [])
        if not leaves or leaves[0].getparent() is not home:
            leaves.insert(0, etree.SubElement(home, self._name(field)))
        leaves[0].text = value
        return True

    def to_bytes(self) -> bytes:
        """Write the artifact as the product does: no declaration, UTF-8, empty fields with an end tag."""
        for element in self._root.iter():
            if isinstance(element.tag, str) and not len(element) and element.text is None:
                element.text = ""
        return etree.tostring(self._root, encoding="utf-8", xml_declaration=False)

    def _name(self, local: str) -> str:
        namespace = etree.QName(self._root).namespace
        return f"{{{namespace}}}{local}" if namespace else local


def _local_name(element: etree._Element) -> str:
    """The name without its namespace."""
    return str(element.tag).rpartition("}")[2]
