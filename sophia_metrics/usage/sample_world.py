"""Who calls what in the sample data: the models, the teams and the hours of a made-up company."""

from dataclasses import dataclass

__all__ = ["HOUR_WEIGHTS", "MODELS", "MODEL_WEIGHTS", "TEAMS", "TEAM_WEIGHTS", "SampleModel", "SampleTeam"]


@dataclass(frozen=True, slots=True)
class SampleModel:
    """A model and how it is used.

    Attributes:
        weight: its share of the calls, relative to the others.
        input_tokens: typical input of a call, in tokens; most calls lie between a third and three times that.
        output_tokens: typical output of a call, in tokens; 0 for embeddings.
        cached_share: the part of the input that a prompt cache holds, 0 to 1.
        reasoning_share: the part of the output that is reasoning, 0 to 1.
        ms_to_first_token: typical time to the first token, in milliseconds.
        ms_a_token: typical time for each further token, in milliseconds.
        dollars_a_million: what the route reports as its price, input and output; None: it reports no cost.
    """

    provider: str
    route: str
    model: str
    weight: int
    input_tokens: int
    output_tokens: int
    cached_share: float = 0.0
    reasoning_share: float = 0.0
    ms_to_first_token: int = 400
    ms_a_token: float = 9.0
    writes_cache: bool = False
    has_batch: bool = False
    dollars_a_million: tuple[str, str] | None = None

    @property
    def operation(self) -> str:
        """What kind of call it is."""
        return "chat" if self.output_tokens else "embedding"


@dataclass(frozen=True, slots=True)
class SampleTeam:
    """A team, what it works on, and how many people it has."""

    name: str
    weight: int
    projects: tuple[str, ...]
    features: tuple[str, ...]
    people: int


MODELS = (
    SampleModel("openai", "direct", "gpt-5", 12, 2600, 700, 0.35, 0.45, 900, 11.0),
    SampleModel("openai", "direct", "gpt-5-mini", 20, 1900, 450, 0.3, 0.35, 500, 7.0, has_batch=True),
    SampleModel("openai", "azure", "gpt-4o-mini", 12, 1200, 300, 0.2, 0.0, 380, 8.0),
    SampleModel("openai", "direct", "text-embedding-3-small", 10, 700, 0, ms_to_first_token=90),
    SampleModel("anthropic", "direct", "claude-sonnet-4-5", 16, 5200, 800, 0.7, 0.0, 800, 14.0, writes_cache=True),
    SampleModel("anthropic", "direct", "claude-haiku-4-5", 12, 2400, 350, 0.5, 0.0, 350, 6.0, writes_cache=True),
    SampleModel("google", "direct", "gemini-2.5-pro", 6, 6800, 900, 0.25, 0.4, 1100, 10.0),
    SampleModel(
        "google",
        "openrouter",
        "gemini-2.5-flash",
        8,
        1500,
        400,
        0.0,
        0.0,
        420,
        5.0,
        dollars_a_million=("0.30", "2.50"),
    ),
    SampleModel("self-hosted", "direct", "support-8b-instruct", 4, 1100, 260, 0.0, 0.0, 250, 18.0),
)
"""The last one runs on the company's own machines: no list knows its price."""

MODEL_WEIGHTS = tuple(model.weight for model in MODELS)

TEAMS = (
    SampleTeam("search", 34, ("site-search", "ranking"), ("answer", "rewrite-query", "index"), 9),
    SampleTeam("support", 30, ("helpdesk", "voice-notes"), ("draft-reply", "summarise", "triage"), 14),
    SampleTeam("platform", 22, ("developer-tools",), ("code-review", "explain-error"), 7),
    SampleTeam("growth", 14, ("campaigns", "onboarding"), ("write-copy", "classify"), 5),
)

TEAM_WEIGHTS = tuple(team.weight for team in TEAMS)

HOUR_WEIGHTS = (1, 1, 1, 1, 2, 3, 6, 12, 20, 24, 24, 21, 17, 21, 24, 23, 20, 15, 9, 6, 4, 3, 2, 1)
"""How busy each hour of the UTC day is, relative to the others."""
