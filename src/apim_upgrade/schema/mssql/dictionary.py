"""The query that asks SQL Server for the shape of a database; see :mod:`apim_upgrade.schema.shapes` for its answer."""

from __future__ import annotations

_TYPE = """UPPER(TYPE_NAME(c.user_type_id)) + CASE
    WHEN TYPE_NAME(c.user_type_id) IN ('varchar', 'char', 'varbinary', 'binary')
      THEN CONCAT('(', CASE c.max_length WHEN -1 THEN 'MAX' ELSE CAST(c.max_length AS VARCHAR(10)) END, ')')
    WHEN TYPE_NAME(c.user_type_id) IN ('nvarchar', 'nchar')
      THEN CONCAT('(', CASE c.max_length WHEN -1 THEN 'MAX' ELSE CAST(c.max_length / 2 AS VARCHAR(10)) END, ')')
    WHEN TYPE_NAME(c.user_type_id) IN ('decimal', 'numeric') THEN CONCAT('(', c.precision, ',', c.scale, ')')
    WHEN TYPE_NAME(c.user_type_id) = 'datetime2' THEN CONCAT('(', c.scale, ')')
    ELSE '' END"""
_DEFAULT = "d.definition"
for _character, _told in (("'\\'", "'\\\\'"), ("'|'", "'\\p'"), ("CHAR(10)", "'\\n'"), ("CHAR(13)", "'\\r'")):
    _DEFAULT = f"REPLACE({_DEFAULT}, {_character}, {_told})"
# The views' own words are of another collation than the names, and texts of two cannot be joined.
_RULE = "REPLACE(k.{}_referential_action_desc COLLATE DATABASE_DEFAULT, '_', ' ')"

QUESTION = f"""SELECT 'APIM|H|1|mssql' AS LINE
UNION ALL
SELECT CONCAT('APIM|T|', t.name) FROM sys.tables t WHERE t.schema_id = SCHEMA_ID()
UNION ALL
SELECT CONCAT('APIM|C|', t.name, '|', c.name, '|', {_TYPE}, '|', CASE c.is_nullable WHEN 1 THEN 'Y' ELSE 'N' END, '|',
  {_DEFAULT}, '|',
  CASE WHEN n.column_id IS NOT NULL THEN CONCAT('IDENTITY(', CAST(n.seed_value AS BIGINT), ',',
    CAST(n.increment_value AS BIGINT), ')') ELSE '' END, '|',
  CASE WHEN c.collation_name <> CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS NVARCHAR(128)) THEN c.collation_name
    ELSE '' END)
FROM sys.tables t JOIN sys.columns c ON c.object_id = t.object_id
LEFT JOIN sys.default_constraints d ON d.object_id = c.default_object_id
LEFT JOIN sys.identity_columns n ON n.object_id = c.object_id AND n.column_id = c.column_id
WHERE t.schema_id = SCHEMA_ID()
UNION ALL
SELECT CONCAT('APIM|K|', t.name, '|', k.name, '|', LEFT(k.type, 1) COLLATE DATABASE_DEFAULT, '|', c.name, '|',
  i.key_ordinal)
FROM sys.key_constraints k JOIN sys.tables t ON t.object_id = k.parent_object_id
JOIN sys.index_columns i ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id
JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = i.column_id
WHERE t.schema_id = SCHEMA_ID()
UNION ALL
SELECT CONCAT('APIM|F|', t.name, '|', k.name, '|', c.name, '|', p.constraint_column_id, '|', r.name, '|', q.name, '|',
  {_RULE.format("delete")}, '|', {_RULE.format("update")})
FROM sys.foreign_keys k JOIN sys.tables t ON t.object_id = k.parent_object_id
JOIN sys.foreign_key_columns p ON p.constraint_object_id = k.object_id
JOIN sys.columns c ON c.object_id = p.parent_object_id AND c.column_id = p.parent_column_id
JOIN sys.tables r ON r.object_id = k.referenced_object_id
JOIN sys.columns q ON q.object_id = p.referenced_object_id AND q.column_id = p.referenced_column_id
WHERE t.schema_id = SCHEMA_ID()
UNION ALL
SELECT CONCAT('APIM|I|', t.name, '|', i.name, '|', CASE i.is_unique WHEN 1 THEN 'U' ELSE 'N' END, '|', c.name, '|',
  CASE k.is_included_column WHEN 1 THEN 1000 + k.index_column_id ELSE k.key_ordinal END, '|',
  CASE k.is_included_column WHEN 1 THEN 'I' ELSE 'C' END)
FROM sys.indexes i JOIN sys.tables t ON t.object_id = i.object_id
JOIN sys.index_columns k ON k.object_id = i.object_id AND k.index_id = i.index_id
JOIN sys.columns c ON c.object_id = k.object_id AND c.column_id = k.column_id
WHERE t.schema_id = SCHEMA_ID() AND i.type IN (1, 2) AND i.is_primary_key = 0 AND i.is_unique_constraint = 0
UNION ALL
SELECT CONCAT('APIM|S|', s.name, '|', CAST(s.increment AS BIGINT)) FROM sys.sequences s WHERE s.schema_id = SCHEMA_ID()
UNION ALL
SELECT CONCAT('APIM|G|', g.name, '|', t.name, '|',
  CASE g.is_instead_of_trigger WHEN 1 THEN 'INSTEAD OF ' ELSE 'AFTER ' END,
  (SELECT STRING_AGG(e.type_desc COLLATE DATABASE_DEFAULT, ', ') WITHIN GROUP (ORDER BY e.type)
   FROM sys.trigger_events e WHERE e.object_id = g.object_id))
FROM sys.triggers g JOIN sys.tables t ON t.object_id = g.parent_id WHERE t.schema_id = SCHEMA_ID()
"""
HOW = ("sqlcmd -S server -d database -i question.sql -h -1 -y 0 -o am.txt",)
BEFORE: tuple[str, ...] = ("SET NOCOUNT ON;",)
END = "GO"
