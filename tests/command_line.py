"""The command line in this process, on a folder of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from sophia_metrics.cli.app import app

SECRET = "a secret that nobody may ever read"  # noqa: S105 - made up
PROMPT = "my prompt is nobody's business"


def litellm_call(ident: str, **fields: Any) -> dict[str, Any]:
    """One call of gpt-4o with 1,000 input and 100 output tokens: 0.0035 USD at 2.50 and 10.00 a million."""
    call = {
        "request_id": ident,
        "call_type": "acompletion",
        "startTime": "2026-11-18T10:00:00Z",
        "endTime": "2026-11-18T10:00:02Z",
        "model": "gpt-4o",
        "custom_llm_provider": "openai",
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "spend": 0.0035,
        "user": "ada@example.com",
        "team_id": "search",
        "status": "success",
        "messages": PROMPT,
        "metadata": {"usage_object": {"prompt_tokens": 1000, "completion_tokens": 100}},
    }
    return {**call, **fields}


@dataclass(frozen=True)
class CommandLine:
    """`folder` is the working directory; the state folder is `home` in it."""

    folder: Path

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    def facts(self, *arguments: str) -> Any:
        """Run a command that must succeed and return its JSON."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Query the published version."""
        return self.facts("sql", sql)

    def write(self, name: str, calls: list[dict[str, Any]]) -> str:
        """Write a JSON Lines file and return its path."""
        path = self.folder / name
        path.write_text("".join(json.dumps(call) + "\n" for call in calls))
        return str(path)
