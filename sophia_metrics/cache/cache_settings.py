"""The settings of a cache, as they stand in sophia.toml."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sophia_metrics.cache.lookups import DEFAULT_PREFIX

__all__ = ["CacheSettings"]


class CacheSettings(BaseModel):
    """One cache in Redis or Valkey whose statistics are collected."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_-]{0,62}$",
            description="Name of the cache: in every row, in messages.",
            examples=["answers"],
        ),
    ]
    url: Annotated[
        str | None,
        Field(
            description="Where the server is, where it asks for no password: redis://, rediss:// (TLS) or unix://.",
            examples=["redis://127.0.0.1:6379/0"],
        ),
    ] = None
    url_env: Annotated[
        str | None,
        Field(
            pattern="^[A-Za-z_][A-Za-z0-9_]*$",
            description="The variable of the environment that holds the whole URL with its password; it wins over url.",
            examples=["REDIS_URL"],
        ),
    ] = None
    key_patterns: Annotated[
        tuple[str, ...],
        Field(
            description="Which keys are the cache's, as Redis matches keys. Empty: all of the database.",
            examples=[["cache:*", "llm:exact:*"]],
        ),
    ] = ()
    lookups_prefix: Annotated[
        str,
        Field(
            description="Before the keys in which the application counts lookups (docs/caches.md). Empty: it does not.",
            examples=[DEFAULT_PREFIX],
        ),
    ] = DEFAULT_PREFIX
    scan_limit: Annotated[
        int,
        Field(
            ge=1,
            description="So many keys are looked at to count those of key_patterns; above, the count is an estimate.",
            examples=[100_000],
        ),
    ] = 100_000
    timeout_seconds: Annotated[
        float, Field(gt=0, le=60, description="How long one answer of the server may take.", examples=[5])
    ] = 5.0

    @field_validator("url")
    @classmethod
    def _no_password_in_the_file(cls, value: str | None) -> str | None:
        if value is not None and (urlsplit(value).password or "password=" in value):
            raise ValueError("holds a password: put the URL into a variable, and name that with url_env")
        return value

    @field_validator("key_patterns")
    @classmethod
    def _patterns_are_not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError("a pattern is not empty; leave key_patterns out for all keys")
        return value

    @model_validator(mode="after")
    def _there_is_a_way_to_the_server(self) -> "CacheSettings":
        if self.url is None and self.url_env is None:
            raise ValueError("name the server by url or by url_env")
        return self
