"""``python -m apim_upgrade.cli``: the same as ``apim-upgrade``."""

import sys

from apim_upgrade.cli.app import main

sys.exit(main())
