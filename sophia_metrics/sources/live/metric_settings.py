"""Which counters of Prometheus a source reads, and which labels of theirs say what."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sophia_metrics.sources.live.counters import Counters

__all__ = ["MetricSettings"]

Selector = Annotated[str, StringConstraints(pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})?)?$", max_length=500)]
Label = Annotated[str, StringConstraints(pattern=r"^([a-zA-Z_][a-zA-Z0-9_]*)?$", max_length=100)]


class MetricSettings(BaseModel):
    """Counters and labels; an empty name: there is none. The defaults are those of the Sophia AI platform."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    requests: Annotated[
        Selector, Field(description="Counter of calls, or a selector of it.", examples=["llm_requests_total"])
    ] = "llm_requests_total"
    tokens: Annotated[
        Selector, Field(description="Counter of tokens, of each type by a label.", examples=["llm_tokens_total"])
    ] = ""
    cost: Annotated[Selector, Field(description="Counter of dollars.", examples=["llm_cost_usd_total"])] = ""
    token_type_label: Annotated[
        Label, Field(description="The label that says of which type tokens are.", examples=["type"])
    ] = "type"  # noqa: S105 - tokens of models
    is_cached_inside: Annotated[
        bool, Field(description="Whether input tokens hold those that a cache gave or took.", examples=[True])
    ] = False
    provider: Annotated[Label, Field(description="The label of the provider.", examples=["provider"])] = "provider"
    model: Annotated[Label, Field(description="The label of the model.", examples=["model"])] = "model"
    team: Annotated[Label, Field(description="The label of the team.", examples=["team"])] = "team"
    project: Annotated[Label, Field(description="The label of the project.", examples=["project"])] = ""
    environment: Annotated[Label, Field(description="The label of the environment.", examples=["environment"])] = ""
    operation: Annotated[Label, Field(description="The label of the task.", examples=["task_type"])] = "task_type"
    status: Annotated[Label, Field(description="The label that says how a call ended.", examples=["status"])] = "status"

    def counters(self) -> Counters:
        """Return them as a value."""
        dimensions = ("provider", "model", "team", "project", "environment", "operation", "status")
        return Counters(
            requests=self.requests,
            tokens=self.tokens,
            cost=self.cost,
            token_type_label=self.token_type_label,
            is_cached_inside=self.is_cached_inside,
            labels={name: getattr(self, name) for name in dimensions},
        )
