"""The settings of the connection to Snowflake: the table [snowflake] of sophia.toml, and the platform's variables."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = ["PLATFORM_VARIABLES", "AnalyticsSinkSettings", "Authentication", "SnowflakeSettings", "platform_values"]

Authentication = Literal["key_pair", "password", "token", "oauth"]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,254}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]

PLATFORM_VARIABLES: Mapping[str, str] = {
    "account": "SNOWFLAKE_ACCOUNT",
    "user": "SNOWFLAKE_USER",
    "role": "SNOWFLAKE_ROLE",
    "warehouse": "SNOWFLAKE_WAREHOUSE",
    "database": "SNOWFLAKE_DATABASE",
    "schema_name": "SNOWFLAKE_SCHEMA",
}
"""The variables that hold where neither sophia.toml nor a SOPHIA_SNOWFLAKE__… variable says otherwise."""
EXAMPLES: Mapping[str, str] = {"account": "myorg-myaccount", "user": "SOPHIA_METRICS", "role": "SOPHIA_METRICS"}
"""What has no default."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class AnalyticsSinkSettings(BaseModel):
    """The platform's table to which our events are written too."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database: Annotated[Identifier, Field(description="Its database.", examples=["SOPHIA_AI"])] = "SOPHIA_AI"
    schema_name: Annotated[Identifier, Field(description="Its schema.", examples=["OPS_MONITORING"])] = "OPS_MONITORING"
    name: Annotated[Identifier, Field(description="Its name.", examples=["AI_USAGE_ANALYTICS"])] = "AI_USAGE_ANALYTICS"
    days: Annotated[
        int,
        Field(
            ge=1,
            le=3650,
            description="Calls of so many days, up to today, are written, and changed there when they change here.",
            examples=[30],
        ),
    ] = 30

    @property
    def place(self) -> tuple[str, str, str]:
        """Database, schema and table."""
        return self.database, self.schema_name, self.name


class SnowflakeSettings(BaseModel):
    """Where Snowflake is, who logs in, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_.-]+$",
            description="The account identifier, organization-account. Unset: SNOWFLAKE_ACCOUNT.",
            examples=[EXAMPLES["account"]],
        ),
    ]
    user: Annotated[
        str,
        Field(
            min_length=1,
            description="The user, best one of TYPE = SERVICE. Unset: SNOWFLAKE_USER.",
            examples=[EXAMPLES["user"]],
        ),
    ]
    role: Annotated[
        Identifier,
        Field(description="The role, which owns nothing else. Unset: SNOWFLAKE_ROLE.", examples=[EXAMPLES["role"]]),
    ]
    warehouse: Annotated[
        Identifier,
        Field(description="The warehouse that computes. Unset: SNOWFLAKE_WAREHOUSE, else this.", examples=["METRICS"]),
    ] = "SOPHIA_AI_WH"
    database: Annotated[
        Identifier,
        Field(description="The database. Unset: SNOWFLAKE_DATABASE, else this.", examples=["SOPHIA_AI"]),
    ] = "SOPHIA_AI"
    schema_name: Annotated[
        Identifier,
        Field(
            description="The schema of our tables, in which the role may create and delete. Unset: SNOWFLAKE_SCHEMA, "
            "else this.",
            examples=["SOPHIA_METRICS"],
        ),
    ] = "SOPHIA_METRICS"
    authentication: Annotated[
        Authentication | None,
        Field(
            description="How to log in: with a key pair, a password, a programmatic access token, or an OAuth token. "
            "Unset: key_pair where private_key_path is given, else password.",
            examples=["key_pair"],
        ),
    ] = None
    private_key_path: Annotated[
        Path | None,
        Field(
            description="For key_pair: the file with the private key, in PEM.",
            examples=["/etc/sophia/snowflake.p8"],
        ),
    ] = None
    private_key_passphrase_env: Annotated[
        Variable,
        Field(
            description="For key_pair: the variable of the environment that holds the passphrase of the key; not set "
            "where the key has none.",
            examples=["SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"],
        ),
    ] = "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
    password_env: Annotated[
        Variable,
        Field(
            description="For password: the variable of the environment that holds it.", examples=["SNOWFLAKE_PASSWORD"]
        ),
    ] = "SNOWFLAKE_PASSWORD"  # noqa: S105 - the name of a variable
    token_env: Annotated[
        Variable,
        Field(
            description="For token and oauth: the variable of the environment that holds the token.",
            examples=["SNOWFLAKE_TOKEN"],
        ),
    ] = "SNOWFLAKE_TOKEN"  # noqa: S105 - the name of a variable
    host: Annotated[
        str | None,
        Field(
            min_length=1,
            description="The host, for private links. Unset: that of the account.",
            examples=["myorg-myaccount.privatelink.snowflakecomputing.com"],
        ),
    ] = None
    port: Annotated[int, Field(ge=1, le=65535, description="Its port.", examples=[443])] = 443
    protocol: Annotated[
        Literal["https", "http"],
        Field(description="http is for a stand-in on this machine only.", examples=["https"]),
    ] = "https"
    query_tag: Annotated[
        str,
        Field(
            max_length=2000,
            description="QUERY_TAG of every session, by which its statements and their credits are found.",
            examples=["sophia-metrics"],
        ),
    ] = "sophia-metrics"
    login_timeout_seconds: Annotated[
        int, Field(ge=1, le=600, description="How long a login may take.", examples=[30])
    ] = 30
    statement_timeout_seconds: Annotated[
        int,
        Field(ge=1, le=86_400, description="How long one statement may take, its waits included.", examples=[600]),
    ] = 600
    commit_every_minutes: Annotated[
        int,
        Field(
            ge=1,
            le=1440,
            description="Probes, cache snapshots and the stream are kept here and committed so often: the warehouse "
            "sleeps in between.",
            examples=[15],
        ),
    ] = 15
    credit_price_usd: Annotated[
        Decimal | None,
        Field(
            gt=0,
            max_digits=18,
            decimal_places=6,
            description="What one credit costs, in dollars. Unset: our own credits are counted and not priced.",
            examples=[3.0],
        ),
    ] = None

    analytics_sink: Annotated[
        AnalyticsSinkSettings | None,
        Field(
            description="Write our calls to the platform's table AI_USAGE_ANALYTICS after each publish. Unset: they "
            "are not."
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _says_who_logs_in_where(cls, values: Any) -> Any:  # noqa: ANN401 - whatever stands there
        """Refuse what has no default and is missing, with every place where it can be set."""
        if isinstance(values, Mapping):
            given = cast("Mapping[str, object]", values)
            missing = [name for name in EXAMPLES if given.get(name) in {None, ""}]
            if missing:
                raise ValueError("; ".join(map(_missing, missing)))
        return cast("object", values)

    @model_validator(mode="after")
    def _has_one_way_to_log_in(self) -> "SnowflakeSettings":
        if (self.way == "key_pair") != (self.private_key_path is not None):
            raise ValueError("authentication = 'key_pair' and private_key_path go together, and with no other way")
        return self

    @model_validator(mode="after")
    def _is_plain_on_this_machine_only(self) -> "SnowflakeSettings":
        if self.protocol == "http" and self.host not in LOOPBACK:
            raise ValueError("protocol = 'http' sends secrets in the clear: it needs a host on this machine")
        return self

    @property
    def place(self) -> str:
        """Account, database and schema, as one text that tells one place from another."""
        return f"{self.account}/{self.database}/{self.schema_name}".upper()

    @property
    def way(self) -> Authentication:
        """How to log in."""
        return self.authentication or ("key_pair" if self.private_key_path else "password")


def platform_values(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the platform's variables give; an empty variable gives none."""
    return {name: value for name, variable in PLATFORM_VARIABLES.items() if (value := environment.get(variable))}


def _missing(name: str) -> str:
    variables = f"SOPHIA_SNOWFLAKE__{name.upper()} or {PLATFORM_VARIABLES[name]}"
    return f'{name} must be given, there or in {variables}; an example is {name} = "{EXAMPLES[name]}"'
