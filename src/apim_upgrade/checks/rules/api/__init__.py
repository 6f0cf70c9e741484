"""
Rules about APIs and products, a module for each part of an API.

Numbers: 001-009 artifacts and contexts, 010-019 operations, 020-029 definitions and documents, 030-039 products,
040-049 scopes, 050-059 life cycles, 060-069 fields, 070-079 what changes with a release, 080-089 sequences and
policies.
"""
