"""Files of H2, the DBMS inside the product's pack: opened read only, by the H2 that wrote them."""

from apim_upgrade.databases.h2.files import H2Database, H2Session
from apim_upgrade.databases.h2.jar import find_jar

__all__ = ["H2Database", "H2Session", "find_jar"]
