"""`python -m analysis.commands` is `mitosis`."""

import sys

from analysis.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
