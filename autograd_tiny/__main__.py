"""``python -m autograd_tiny`` is ``autograd-tiny``."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        sys.path.append(sys.path.pop(0))  # the folder one stands in: a rich.py there is not ours

from autograd_tiny.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
