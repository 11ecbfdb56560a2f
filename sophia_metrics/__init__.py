"""Sophia Metrics: what a team's LLM calls cost, and whether the figures can be trusted.

This package knows no orchestrator: it runs in a notebook as well as in a flow. Start at
`sophia_metrics.settings.load_settings`, `sophia_metrics.connect` and `sophia_metrics.serving.Serving`.
"""

from sophia_metrics.errors import (
    ConfigurationError,
    ProcessingError,
    ServiceUnavailableError,
    SophiaError,
)

__all__ = [
    "ConfigurationError",
    "ProcessingError",
    "ServiceUnavailableError",
    "SophiaError",
    "__version__",
]

__version__ = "0.1.0"
