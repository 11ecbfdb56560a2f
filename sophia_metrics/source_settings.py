"""The `[[sources]]` of sophia.toml."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sophia_metrics.invoices.formats import BILL_FORMATS
from sophia_metrics.sources.live.registry import COMPARED_FORMATS, LIVE_FORMATS
from sophia_metrics.sources.live.settings import ApiSettings
from sophia_metrics.sources.mapped import ColumnMapping
from sophia_metrics.sources.role_settings import RoleSettings
from sophia_metrics.sources.table_settings import TABLE_FORMATS, TableSettings
from sophia_metrics.sources.terms import Role
from sophia_metrics.usage.roles import covers

__all__ = ["SourceSettings"]


class SourceSettings(BaseModel):
    """One place from which usage is collected."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_-]{0,62}$",
            description="Name of the source: in every row, in landing, in messages.",
            examples=["gateway"],
        ),
    ]
    format: Annotated[
        str,
        Field(
            description="What the files look like: litellm, claude, codex, openrouter, langfuse, bedrock, events, "
            "mapped (with a mapping); a table of Snowflake: snowflake_analytics, snowflake_cortex, snowflake_credits; "
            f"what answers over the network: {', '.join(LIVE_FORMATS)}; or files of a provider's bill, which is no "
            "usage: focus.",
            examples=["litellm"],
        ),
    ]
    paths: Annotated[
        tuple[str, ...],
        Field(
            description="Files, folders or globs. Empty: the places where the format usually lives.",
            examples=[["/var/log/litellm/*.jsonl"]],
        ),
    ] = ()
    role: Annotated[
        Literal["ledger", "reconcile"] | None,
        Field(
            description="ledger: counts as usage; reconcile: is only compared. Unset: ledger; "
            f"{', '.join(sorted(COMPARED_FORMATS))}: reconcile.",
            examples=["ledger"],
        ),
    ] = None
    roles: Annotated[
        tuple[RoleSettings, ...],
        Field(
            description="Parts of it with another role; role is that of all else. Of several that fit a row the first "
            "holds."
        ),
    ] = ()
    account: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="What its rows, or the lines of its bill, say for account_id where they tell none.",
            examples=["eu-organisation"],
        ),
    ] = None
    billing: Annotated[
        Literal["api", "subscription"] | None,
        Field(
            description="Who pays for the calls. Unset: what the format says; agent logs do not say, so they "
            "are shown as API-equivalent cost, apart from spend.",
            examples=["subscription"],
        ),
    ] = None
    expected_within_hours: Annotated[
        int,
        Field(
            gt=0,
            description="Without a successful collection for so long, the source is stale.",
            examples=[26],
        ),
    ] = 26
    mapping: Annotated[ColumnMapping | None, Field(description="For format = mapped: which column means what.")] = None
    table: Annotated[
        TableSettings | None,
        Field(description="For tables of Snowflake: which one, and how it is read, where that is not as usual."),
    ] = None
    api: Annotated[
        ApiSettings | None,
        Field(description="For sources that answer over the network: where, and how they are read, if not as usual."),
    ] = None
    settling_hours: Annotated[
        int | None,
        Field(
            ge=0,
            le=2400,
            description="A day is complete so long after its end, and a gap to a bill a finding. Unset: 1 for files, "
            "24 for what answers over the network, 48 for cost reports, 120 for focus.",
            examples=[72],
        ),
    ] = None

    @property
    def usual_role(self) -> Role:
        """What its rows count as, unless one of roles fits them."""
        return self.role or ("reconcile" if self.format in COMPARED_FORMATS else "ledger")

    @property
    def is_table(self) -> bool:
        """It is a table of Snowflake, whose rows are pulled into files of the state folder."""
        return self.format in TABLE_FORMATS

    @property
    def is_live(self) -> bool:
        """It answers over the network, and is pulled into files of the state folder."""
        return self.format in LIVE_FORMATS

    @property
    def is_pulled(self) -> bool:
        """It has no files of its own."""
        return self.is_table or self.is_live

    @property
    def is_bill(self) -> bool:
        """Its rows are lines of a provider's bill: they are held against usage, and are none."""
        return self.format in BILL_FORMATS

    @model_validator(mode="after")
    def _api_goes_with_its_formats(self) -> "SourceSettings":
        if self.api is not None and not self.is_live:
            raise ValueError(f"[sources.api] goes with format = {', '.join(LIVE_FORMATS)}")
        if self.is_live and self.paths:
            raise ValueError(
                f"a source of the format {self.format} has no paths: it answers at base_url of [sources.api]"
            )
        return self

    @model_validator(mode="after")
    def _roles_are_of_parts_of_usage(self) -> "SourceSettings":
        if self.roles and self.is_bill:
            raise ValueError(
                f"[[sources.roles]] goes with usage: a source with format = '{self.format}' is a bill, which never "
                "counts as usage"
            )
        parts = [each.part for each in self.roles]
        for place, part in enumerate(parts):
            wider = next((number for number, first in enumerate(parts[:place], 1) if covers(first, part)), None)
            if wider is not None:
                raise ValueError(
                    f"[[sources.roles]] number {place + 1} has no effect: number {wider} fits all of it, and the first "
                    "that fits holds. Write it before that, or leave it out"
                )
        return self

    @model_validator(mode="after")
    def _bills_are_files(self) -> "SourceSettings":
        if self.is_bill and not self.is_live and not self.paths:
            raise ValueError(f"a source with format = '{self.format}' needs paths: name the files of the bill")
        return self

    @model_validator(mode="after")
    def _table_goes_with_its_formats(self) -> "SourceSettings":
        if self.table is not None and not self.is_table:
            raise ValueError(f"[sources.table] goes with format = {', '.join(TABLE_FORMATS)}")
        if self.is_table and self.paths:
            raise ValueError("a table of Snowflake has no paths: name it in [sources.table]")
        return self

    @model_validator(mode="after")
    def _mapping_goes_with_its_format(self) -> "SourceSettings":
        if (self.format == "mapped") != (self.mapping is not None):
            raise ValueError("format = 'mapped' and a [sources.mapping] table go together")
        return self
