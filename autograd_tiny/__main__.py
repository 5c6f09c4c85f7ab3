"""``python -m autograd_tiny`` is ``autograd-tiny``."""

import sys

from autograd_tiny.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
