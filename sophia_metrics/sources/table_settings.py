"""Sources that are tables of Snowflake: where each lies, and how its rows settle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["TABLE_FORMATS", "TableDefaults", "TableSettings", "TableTerms"]

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,254}$")]
TagName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


@dataclass(frozen=True, slots=True)
class TableDefaults:
    """What holds of a kind of table where nothing else is said.

    Attributes:
        place: database, schema and name.
        settling_minutes: so long after its end an hour may still get rows; it is read then.
        reread_hours: so many hours before the newest one are read again each time.
        is_account_usage: it is one of Snowflake's own views, which a role may not be allowed to read.
    """

    place: tuple[str, str, str]
    settling_minutes: int
    reread_hours: int
    is_account_usage: bool = True


TABLE_FORMATS: Mapping[str, TableDefaults] = MappingProxyType(
    {
        "snowflake_analytics": TableDefaults(
            ("SOPHIA_AI", "OPS_MONITORING", "AI_USAGE_ANALYTICS"), 15, 24, is_account_usage=False
        ),
        "snowflake_cortex": TableDefaults(("SNOWFLAKE", "ACCOUNT_USAGE", "CORTEX_AI_FUNCTIONS_USAGE_HISTORY"), 180, 48),
        "snowflake_credits": TableDefaults(("SNOWFLAKE", "ACCOUNT_USAGE", "WAREHOUSE_METERING_HISTORY"), 180, 48),
    }
)
"""The formats whose sources are tables of Snowflake."""

ATTRIBUTED = "QUERY_ATTRIBUTION_HISTORY"
"""The view that tells credits by query; its rows come up to eight hours late."""
ATTRIBUTED_MINUTES = 480


@dataclass(frozen=True, slots=True)
class TableTerms:
    """A table of usage, and how it is read.

    Attributes:
        source: the name of the source.
        format: its format, one of TABLE_FORMATS.
        place: database, schema and table.
        settling_minutes: an hour is read so long after its end.
        reread_hours: so many hours before the newest one are read again each time.
        since_on: first UTC day to read. None: 30 days before the first reading.
        tags: keys of METADATA that become tags.
        credits_by: whose credits are counted.
        warehouse: the warehouse whose credits they are.
        query_tag: the QUERY_TAG by which ours are known.
    """

    source: str
    format: str
    place: tuple[str, str, str]
    settling_minutes: int
    reread_hours: int
    since_on: date | None = None
    tags: tuple[str, ...] = ()
    credits_by: Literal["warehouse", "query_tag"] = "warehouse"
    warehouse: str = ""
    query_tag: str = ""

    @property
    def name(self) -> str:
        """The table, as a statement names it."""
        return ".".join(self.place)

    @property
    def is_shared(self) -> bool:
        """It lies in the database that Snowflake shares with every account: nobody grants its tables one by one."""
        return self.place[0].upper() == "SNOWFLAKE"

    @property
    def is_account_usage(self) -> bool:
        """It is one of Snowflake's own views."""
        return TABLE_FORMATS[self.format].is_account_usage


class TableSettings(BaseModel):
    """Which table of Snowflake a source is, where it is not the usual one."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database: Annotated[
        Identifier | None, Field(description="Its database. Unset: the usual one.", examples=["SOPHIA_AI"])
    ] = None
    schema_name: Annotated[
        Identifier | None, Field(description="Its schema. Unset: the usual one.", examples=["OPS_MONITORING"])
    ] = None
    name: Annotated[
        Identifier | None,
        Field(description="Its name. Unset: the usual one.", examples=["AI_USAGE_ANALYTICS"]),
    ] = None
    settling_minutes: Annotated[
        int | None,
        Field(
            ge=0,
            le=10_080,
            description="An hour is read so long after its end. Unset: 15; for Snowflake's own views 180, which come "
            "late; for credits by query tag 480.",
            examples=[60],
        ),
    ] = None
    reread_hours: Annotated[
        int | None,
        Field(
            ge=0,
            le=720,
            description="So many hours before the newest one are read again each time: rows that came late or were "
            "corrected replace what is known. Unset: 24; for Snowflake's own views 48.",
            examples=[72],
        ),
    ] = None
    since: Annotated[
        date | None,
        Field(description="First UTC day to read. Unset: 30 days before the first reading.", examples=["2026-01-01"]),
    ] = None
    tags: Annotated[
        tuple[TagName, ...],
        Field(
            max_length=32,
            description="For snowflake_analytics: keys of METADATA that become tags; nothing else of it is read.",
            examples=[["team", "feature"]],
        ),
    ] = ()
    credits_by: Annotated[
        Literal["warehouse", "query_tag"],
        Field(
            description="For snowflake_credits: warehouse: all that our warehouse uses; query_tag: what our own "
            "statements use, without the time that it idles, for a warehouse that others use too.",
            examples=["warehouse"],
        ),
    ] = "warehouse"
    credit_price_usd: Annotated[
        Decimal | None,
        Field(
            gt=0,
            max_digits=18,
            decimal_places=6,
            description="For snowflake_cortex and snowflake_credits: what one credit costs, in dollars. Unset: that of "
            "[snowflake]; where that is unset too, credits are counted and not priced.",
            examples=[3.0],
        ),
    ] = None

    def terms(self, source: str, table_format: str, *, warehouse: str, query_tag: str) -> TableTerms:
        """Return the table, with what is usual where nothing is said.

        Args:
            source: the name of the source.
            table_format: its format, one of TABLE_FORMATS.
            warehouse: our warehouse.
            query_tag: the QUERY_TAG of our sessions.
        """
        usual = TABLE_FORMATS[table_format]
        database, schema_name, name = usual.place
        minutes = usual.settling_minutes
        if table_format == "snowflake_credits" and self.credits_by == "query_tag":
            name, minutes = ATTRIBUTED, ATTRIBUTED_MINUTES
        return TableTerms(
            source=source,
            format=table_format,
            place=(self.database or database, self.schema_name or schema_name, self.name or name),
            settling_minutes=minutes if self.settling_minutes is None else self.settling_minutes,
            reread_hours=usual.reread_hours if self.reread_hours is None else self.reread_hours,
            since_on=self.since,
            tags=self.tags,
            credits_by=self.credits_by,
            warehouse=warehouse,
            query_tag=query_tag,
        )
