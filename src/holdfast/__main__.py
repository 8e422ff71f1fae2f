"""`python -m holdfast` is the command line."""

import sys

from holdfast.server.cli import main

sys.exit(main())
