"""Settings of maintenance: for how long what is kept, and where backups go."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BackupSettings", "RetentionSettings"]


class RetentionSettings(BaseModel):
    """For how long rows and files are kept. Rollups by day are kept for ever."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    landing_days: Annotated[
        int,
        Field(
            ge=1,
            description="Landed files go so many days after they were committed; then their days cannot be rebuilt.",
            examples=[90],
        ),
    ] = 90
    usage_days: Annotated[
        int | None,
        Field(
            ge=400,
            description="Usage events, their units and quarantined rows of older UTC days go; the marts by day stay. "
            "What arrives for such a day goes to quarantine. Unset: they are kept for ever.",
            examples=[800],
        ),
    ] = None
    observation_days: Annotated[
        int | None,
        Field(
            ge=35,
            description="Cache snapshots, cache lookups and probe results of older UTC days go; the marts by day stay. "
            "Unset: they are kept for ever.",
            examples=[400],
        ),
    ] = None
    run_days: Annotated[
        int,
        Field(
            ge=7,
            description="What runs leave goes after so many days: their rows in mart_pipeline_runs, verdicts of "
            "expectations, the list of versions.",
            examples=[90],
        ),
    ] = 90


class BackupSettings(BaseModel):
    """Where copies of the state file go, and how many are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    folder: Annotated[
        Path | None,
        Field(
            description="Folder of the backups, best on another disk. Unset: backups in the state folder.",
            examples=["/mnt/other-disk/sophia-backups"],
        ),
    ] = None
    keep: Annotated[
        int,
        Field(ge=1, description="So many backups are kept; day files that they list are kept with them.", examples=[7]),
    ] = 7
