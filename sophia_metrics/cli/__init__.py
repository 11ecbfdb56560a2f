"""The command line `sophia-metrics`: the one part of the package that stands above flows.

Modules of commands import what is heavy inside their functions, so that `--help` and `sql` start at once.
"""

from sophia_metrics.cli.app import main

__all__ = ["main"]
