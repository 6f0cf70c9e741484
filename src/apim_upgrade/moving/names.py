"""Tables and columns that one DBMS calls otherwise than all others, under the name that they have elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import Schema, Table, fold


@dataclass(frozen=True, slots=True)
class Names:
    """What the stock scripts of one DBMS call otherwise: in lower case, the name elsewhere → the name there."""

    tables: dict[str, str]
    columns: dict[tuple[str, str], str]
    """By table and column, both as they are called elsewhere."""

    @classmethod
    def of(cls, kind: str) -> Names:
        """Return those of a DBMS."""
        known = read_toml("called_otherwise.toml")
        return cls(
            {fold(each["elsewhere"]): each["there"] for each in known["table"] if each["kind"] == kind},
            {
                (fold(each["table"]), fold(each["elsewhere"])): each["there"]
                for each in known["column"]
                if each["kind"] == kind
            },
        )

    def elsewhere(self, schema: Schema) -> Schema:
        """Return a schema of this DBMS under the names that others have."""
        usual = {fold(there): name.upper() for name, there in self.tables.items()}
        tables = {}
        for table in schema.tables.values():
            name = usual.get(fold(table.name), table.name)
            links = tuple(
                replace(key, ref_table=usual.get(fold(key.ref_table), key.ref_table)) for key in table.foreign_keys
            )
            tables[name] = self._columns(replace(table, name=name, foreign_keys=links))
        return replace(schema, tables=tables)

    def real(self, schema: Schema, table: str, column: str = "") -> tuple[str, str]:
        """Return what a table and a column of :meth:`elsewhere` are called in ``schema`` itself."""
        there = self.tables.get(fold(table), table)
        found = schema.table(table) or schema.table(there)
        name = self.columns.get((fold(table), fold(column)), column)
        if found is None:
            return table, column
        return found.name, name if found.column(column) is None else column

    def _columns(self, table: Table) -> Table:
        for (name, elsewhere), there in self.columns.items():
            if fold(table.name) == name and table.column(elsewhere) is None:
                columns = (
                    replace(column, name=elsewhere.upper()) if fold(column.name) == fold(there) else column
                    for column in table.columns
                )
                table = replace(table, columns=tuple(columns))
        return table
