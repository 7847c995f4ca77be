"""Checks what imports what, by the contracts in pyproject.toml: python tools/run.py tools.lint_imports

The checkout is a package only under the name that tools/run.py gives it, so import-linter's own command cannot see it.
"""

import sys

from importlinter.cli import lint_imports

if __name__ == "__main__":
    sys.exit(lint_imports(no_cache=True, no_logo=True))
