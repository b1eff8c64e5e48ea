"""``python -m semsyn``: the command line without an installed script."""

import sys

from semsyn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
