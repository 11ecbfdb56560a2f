"""`sophia-metrics grants`: the SQL that gives a role what it needs in Snowflake."""

import sys

from sophia_metrics.connect import snowflake_grants
from sophia_metrics.settings import load_settings

__all__ = ["print_grants"]


def print_grants(*, role: str | None, read_role: str | None, is_moving: bool = False) -> None:
    """Print the script; nothing is asked of Snowflake, and no secret is needed.

    Raises:
        ConfigurationError: nothing of Snowflake is configured, or a role is no name.
    """
    sys.stdout.write(snowflake_grants(load_settings(), role=role, read_role=read_role, is_moving=is_moving))
