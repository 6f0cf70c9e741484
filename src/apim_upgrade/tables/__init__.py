"""
The product's tables, as far as statements name them: one description a table, for every room.

A module per section of the catalogue (``api``, ``identity``, ``registry``, ``user``). Columns of every release stand
side by side, so a statement that meets several releases names the columns it wants; ``select(TABLE)`` is only for
tables that all of them have alike.
"""
