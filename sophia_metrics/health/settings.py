"""The settings of probes: what is watched, from sophia.toml."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

__all__ = ["MaintenanceSettings", "ProbeSettings", "ServiceSettings", "check_services"]

WAREHOUSE = "warehouse"


class ServiceSettings(BaseModel):
    """One service that is asked how it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_-]{0,62}$",
            description="Name of the service: in every result, in messages.",
            examples=["chat"],
        ),
    ]
    kind: Annotated[
        Literal["http", "tcp", "redis"],
        Field(description="How it is asked: a GET, a connection, or a PING.", examples=["http"]),
    ]
    url: Annotated[
        str | None,
        Field(
            description="For http and redis: where it is, without a password.",
            examples=["http://127.0.0.1:9000/health"],
        ),
    ] = None
    url_env: Annotated[
        str | None,
        Field(
            description="Instead of url: the variable of the environment that holds it, for a URL with a password.",
            examples=["REDIS_URL"],
        ),
    ] = None
    host: Annotated[str | None, Field(description="For tcp: the host.", examples=["example.com"])] = None
    port: Annotated[int | None, Field(ge=1, le=65535, description="For tcp: the port.", examples=[443])] = None
    token_env: Annotated[
        str | None,
        Field(
            description="For http: the variable that holds a token, sent as Authorization: Bearer.",
            examples=["CHAT_HEALTH_TOKEN"],
        ),
    ] = None
    expected_status: Annotated[
        tuple[Annotated[int, Field(ge=100, le=599)], ...],
        Field(
            description="For http: status codes that are good where the body does not say how the service is. "
            "Empty: 200 to 299.",
            examples=[[200, 401]],
        ),
    ] = ()
    interval_seconds: Annotated[
        int,
        Field(ge=1, description="How often it is asked, as far as the schedule allows.", examples=[60]),
    ] = 60
    deadline_seconds: Annotated[
        float,
        Field(gt=0, le=60, description="How long one probe may take.", examples=[5]),
    ] = 5
    failure_threshold: Annotated[
        int,
        Field(ge=1, le=100, description="So many failed probes in a row make it down.", examples=[3]),
    ] = 3
    success_threshold: Annotated[
        int,
        Field(ge=1, le=100, description="So many good probes in a row make it healthy again.", examples=[2]),
    ] = 2
    is_required: Annotated[
        bool,
        Field(description="The whole is down when it is; else only degraded.", examples=[True]),
    ] = True
    required_by: Annotated[
        tuple[str, ...],
        Field(description="Who needs it, for people.", examples=[["search", "support"]]),
    ] = ()
    objective_ratio: Annotated[
        float,
        Field(
            gt=0,
            lt=1,
            description="The share of time in which it should answer: its error budget is the rest.",
            examples=[0.99],
        ),
    ] = 0.99

    @model_validator(mode="after")
    def _has_one_address(self) -> "ServiceSettings":
        """Refuse what cannot be asked. No message repeats a URL: it may hold a password."""
        if self.kind == "tcp":
            if self.host is None or self.port is None or self.url is not None or self.url_env is not None:
                raise ValueError("kind = 'tcp' needs host and port, and no url")
            return self
        if self.host is not None or self.port is not None or (self.url is None) == (self.url_env is None):
            raise ValueError(f"kind = {self.kind!r} needs either url or url_env, and neither host nor port")
        if self.url is not None and _holds_a_password(self.url):
            raise ValueError("its url holds a password: put the whole url into a variable, and name that in url_env")
        schemes = ("http://", "https://") if self.kind == "http" else ("redis://", "rediss://", "unix://")
        if self.url is not None and not self.url.startswith(schemes):
            raise ValueError(f"the url of kind = {self.kind!r} starts with {' or '.join(schemes)}")
        return self


def _holds_a_password(url: str) -> bool:
    return "@" in url.partition("://")[2].partition("/")[0] or "password=" in url.lower()


class MaintenanceSettings(BaseModel):
    """A window in which services may fail: they are asked, and neither up nor down."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    start_at: Annotated[
        AwareDatetime,
        Field(description="Start, with its offset from UTC.", examples=["2026-12-01T22:00:00Z"]),
    ]
    end_at: Annotated[
        AwareDatetime,
        Field(description="End, exclusive, with its offset from UTC.", examples=["2026-12-02T02:00:00Z"]),
    ]
    services: Annotated[
        tuple[str, ...],
        Field(description="The services. Empty: all of them.", examples=[["chat"]]),
    ] = ()

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> "MaintenanceSettings":
        if self.end_at <= self.start_at:
            raise ValueError("a maintenance window ends after its start")
        return self


class ProbeSettings(BaseModel):
    """How services are asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    concurrency: Annotated[
        int,
        Field(ge=1, le=1000, description="How many services are asked at the same time.", examples=[32]),
    ] = 32
    vantage: Annotated[
        str | None,
        Field(
            description="The service that shows whether the network works from here. While it fails, nothing is known "
            "of the others.",
            examples=["canary"],
        ),
    ] = None
    component_interval_seconds: Annotated[
        int,
        Field(ge=1, description="How often our own warehouse, sources and caches are asked.", examples=[300]),
    ] = 300
    maintenance: Annotated[
        tuple[MaintenanceSettings, ...],
        Field(
            description="Windows in which services may fail.",
            examples=[[{"start_at": "2026-12-01T22:00:00Z", "end_at": "2026-12-02T02:00:00Z"}]],
        ),
    ] = ()


def check_services(services: tuple[ServiceSettings, ...], probes: ProbeSettings) -> None:
    """Refuse names that stand for two services, or for none.

    Raises:
        ValueError: names repeat, one is that of the warehouse, or vantage or maintenance names no service.
    """
    names = [each.name for each in services]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"service names must differ; repeated: {', '.join(twice)}")
    if WAREHOUSE in names:
        raise ValueError(f"a service cannot be named {WAREHOUSE!r}: our own warehouse is")
    named = [probes.vantage] if probes.vantage else []
    named += [name for each in probes.maintenance for name in each.services]
    unknown = next((name for name in named if name not in names), None)
    if unknown is not None:
        raise ValueError(f"probes name the service {unknown!r}, which is not in [[services]]: add or correct it")
