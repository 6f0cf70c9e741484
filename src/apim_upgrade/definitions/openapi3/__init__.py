"""
OpenAPI 3.0 and 3.1 as swagger-parser (the version each release bundles) reads them.

One walk over the document, driven by tables of known keys. Locations in the texts are the parser's own: everything
nested in a schema is reported at the outermost schema. The comments tell the parser's oddities that estates rely on.
"""

from apim_upgrade.definitions.openapi3.document import check

__all__ = ["check"]
