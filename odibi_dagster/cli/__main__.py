"""`python -m odibi_dagster.cli`, for where the command is not on the path."""

import sys

from odibi_dagster.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
