"""What a vendor's data dictionary answers for a shape, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.releases import Schema


def answer(kind: str, shape: Schema) -> str:
    """What the query would say of a shape, with a client's talk around it."""
    return "\n".join(["LINE", "-----", *lines_of(kind, shape), "", "(9 rows affected)"])


def lines_of(kind: str, shape: Schema) -> Iterator[str]:
    yield f"APIM|H|1|{kind}"
    for table in shape.tables.values():
        yield f"APIM|T|{table.name}"
        for column in table.columns:
            default = (column.default or "").replace("\\", "\\\\").replace("|", "\\p")
            facts = f"{column.type}|{'NY'[column.nullable]}|{default}|{column.extra}|{column.collation}"
            yield f"APIM|C|{table.name}|{column.name}|{facts}  "
        for letter, keys in (("P", [table.primary_key] if table.primary_key else []), ("U", table.unique)):
            for key in keys:
                for position, name in enumerate(key.columns, 1):
                    yield f"APIM|K|{table.name}|{key.name}|{letter}|{name}|{position}"
        for link in table.foreign_keys:
            for position, (name, other) in enumerate(zip(link.columns, link.ref_columns, strict=True), 1):
                rules = f"{link.on_delete}|{link.on_update}"
                yield f"APIM|F|{table.name}|{link.name}|{name}|{position}|{link.ref_table}|{other}|{rules}"
        for index in table.indexes:
            for position, name in enumerate((*index.columns, *index.include), 1):
                role = "E" if name in index.expressions else "I" if position > len(index.columns) else "C"
                unique = "U" if index.unique else "N"
                yield f"APIM|I|{table.name}|{index.name}|{unique}|{name}|{position}|{role}"
    for sequence in shape.sequences.values():
        yield f"APIM|S|{sequence.name}|{sequence.increment}"
    for trigger in shape.triggers:
        yield f"APIM|G|{trigger.name}|{trigger.table}|{trigger.timing}"
