"""Reading the settings, once a run."""

import os
from pathlib import Path

from prefect.runtime import deployment

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import Settings, load_settings

__all__ = ["read_settings"]


def read_settings(config: str | None) -> Settings:
    """Read the settings that hold in the folder `config`, or above it. None: the working directory.

    Raises:
        ConfigurationError: a setting is wrong, or a run of a deployment would find its state folder by the
            working directory of a worker.
    """
    anchors = (config or "", os.environ.get("SOPHIA_HOME", ""))
    if deployment.id is not None and not any(Path(anchor).is_absolute() for anchor in anchors):
        raise ConfigurationError(
            "a deployment needs a state folder that does not move: set SOPHIA_HOME to an absolute path in "
            "the environment of the worker (export SOPHIA_HOME=/var/lib/sophia), or make config absolute"
        )
    return load_settings(Path(config) if config else None)
