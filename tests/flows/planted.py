"""Secrets planted wherever a source file, a setting or an answer could hold one, each unlike any other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sophia_metrics.sources.registry import FORMAT_NAMES

__all__ = ["MAPPING", "Garden"]

MAPPING = """
[sources.mapping.columns]
started_at = "at"
provider = { constant = "openai" }
model = "model"
input_tokens = "tokens"
output_tokens = "output"
user_hash = "who"
session_id = "session"
"""


class Garden:
    """Plants texts; `seeds` says, by the place of each, the word that only it holds."""

    def __init__(self) -> None:
        self.seeds: dict[str, str] = {}

    def plant(self, place: str) -> str:
        """Return what people and secrets look like: a prompt, a key, an e-mail, a token, a URL with a password."""
        seed = self.seed(place)
        return (
            f"{seed} tell nobody sk-proj-{seed} {seed}@people.example Bearer {seed}.token "
            f"https://{seed}:{seed}@secret.example/{seed} " + seed * 20
        )

    def seed(self, place: str) -> str:
        """Return the word of a place: letters only, so that it is a name, a password or a token anywhere."""
        if place not in self.seeds:
            number = len(self.seeds)
            word = "".join(chr(ord("a") + int(digit)) for digit in f"{number:05}")
            self.seeds[place] = f"qzplanted{word}"
        return self.seeds[place]

    def email(self, place: str) -> str:
        """Return an identifier of a person."""
        return f"{self.seed(place)}@people.example"

    def write(self, folder: Path) -> None:
        """Write a file of every format, good rows and bad ones, below `folder`/<format>."""
        for name in (*FORMAT_NAMES, "mapped"):
            rows: list[dict[str, Any]] = list(getattr(self, f"_{name}")())
            lines = [json.dumps(row) for row in rows]
            good = json.dumps({**rows[0], "a_field_that_is_new": self.plant(f"{name}: a new field")})
            lines += [
                good,
                '{"broken": "' + self.plant(f"{name}: malformed json"),
                json.dumps({**rows[-1], self.plant(f"{name}: the name of a key"): 1}),
                json.dumps(self.plant(f"{name}: a text in place of a row")),
            ]
            path = folder / name / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
            packed = folder / name / "cut-off.jsonl.gz"
            packed.write_bytes(b"\x1f\x8b\x08\x00" + self.plant(f"{name}: a damaged file").encode())
        slipped = folder / "events" / "slipped.csv"
        slipped.write_text(
            "provider,model,started_at,input_tokens,user\n"
            f'openai,gpt-4o,2026-11-18T10:00:00Z,"{self.plant("events: a text for a number")}",x\n'
            f'"{self.plant("events: a slipped prompt")}",openai,gpt-4o,2026-11-18T10:00:00Z,7\n',
            encoding="utf-8",
        )
        headless = folder / "events" / "headless.csv"
        headless.write_text(f'"{self.plant("events: no header")}",1\nx,2\n', encoding="utf-8")

    def _litellm(self) -> Iterator[dict[str, Any]]:
        p = self.plant
        yield {
            "request_id": "l1",
            "call_type": "acompletion",
            "startTime": "2026-11-18T10:00:00Z",
            "endTime": "2026-11-18T10:00:02Z",
            "model": "gpt-4o",
            "custom_llm_provider": "openai",
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "spend": 0.1,
            "api_key": self.seed("litellm: key"),
            "user": self.email("litellm: user"),
            "end_user": self.email("litellm: end user"),
            "session_id": p("litellm: session"),
            "request_tags": [p("litellm: a long tag"), "feature:chat"],
            "messages": [{"role": "user", "content": p("litellm: messages")}],
            "response": {"choices": p("litellm: response")},
            "proxy_server_request": {"body": p("litellm: request"), "headers": {"authorization": p("litellm: header")}},
            "requester_ip_address": p("litellm: address"),
            "cache_key": p("litellm: cache key"),
            "metadata": {
                "user_api_key_user_email": self.email("litellm: e-mail"),
                "user_api_key_alias": p("litellm: alias of the key"),
                "error_information": {"error_class": "Timeout", "error_message": p("litellm: error message")},
                "spend_logs_metadata": {"note": p("litellm: metadata")},
                "usage_object": {"prompt_tokens": 10, p("litellm: a usage key"): p("litellm: a usage value")},
            },
            "status": "success",
        }
        yield {
            "request_id": "l2",
            "startTime": "2026-11-18T10:00:00Z",
            "prompt_tokens": p("litellm: a text for a number"),
        }

    def _claude(self) -> Iterator[dict[str, Any]]:
        p = self.plant
        usage = {"input_tokens": 3, "output_tokens": 9}
        yield {
            "type": "assistant",
            "timestamp": "2026-11-18T10:00:00Z",
            "sessionId": self.seed("claude: session"),
            "requestId": "c1",
            "cwd": f"/home/{self.seed('claude: working folder')}/work/shop",
            "gitBranch": p("claude: branch"),
            "message": {"id": "m1", "model": "claude-sonnet-4-5", "content": p("claude: answer"), "usage": usage},
            "toolUseResult": {"stdout": p("claude: result of a tool")},
        }
        yield {
            "type": "user",
            "timestamp": "2026-11-18T10:00:00Z",
            "sessionId": self.seed("claude: session"),
            "message": {"role": "user", "content": p("claude: prompt")},
        }
        yield {
            "type": "assistant",
            "sessionId": "s",
            "message": {"usage": {"input_tokens": p("claude: a text for a number")}},
        }

    def _codex(self) -> Iterator[dict[str, Any]]:
        p, at = self.plant, "2026-11-18T10:00:00Z"
        session = {
            "id": self.seed("codex: session"),
            "cwd": f"/home/{self.seed('codex: working folder')}/work/shop",
            "model_provider": "openai",
            "instructions": p("codex: instructions"),
            "git": {"branch": p("codex: branch"), "repository_url": p("codex: repository")},
        }
        yield {"timestamp": at, "type": "session_meta", "payload": session}
        yield {"timestamp": at, "type": "turn_context", "payload": {"turn_id": "t1", "model": "gpt-5-mini"}}
        yield {"timestamp": at, "type": "response_item", "payload": {"type": "message", "content": p("codex: prompt")}}
        counts = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
        info = {"total_token_usage": counts, "last_token_usage": counts}
        yield {"timestamp": at, "type": "event_msg", "payload": {"type": "token_count", "info": info}}

    def _bedrock(self) -> Iterator[dict[str, Any]]:
        p = self.plant
        answer = {
            "output": {"message": p("bedrock: answer")},
            "usage": {"inputTokens": 10},
            "metrics": {"latencyMs": 5},
        }
        yield {
            "schemaType": "ModelInvocationLog",
            "timestamp": "2026-11-18T10:00:00Z",
            "accountId": "123456789012",
            "identity": {"arn": f"arn:aws:sts::123456789012:assumed-role/app/{self.seed('bedrock: role')}"},
            "region": "us-east-1",
            "requestId": "b1",
            "operation": "Converse",
            "modelId": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "input": {"inputBodyJson": {"messages": p("bedrock: prompt")}, "inputTokenCount": 10},
            "output": {"outputBodyJson": answer, "outputTokenCount": 5},
            "errorMessage": p("bedrock: error message"),
            "requestMetadata": {"note": p("bedrock: long metadata")},
        }

    def _langfuse(self) -> Iterator[dict[str, Any]]:
        p = self.plant
        yield {
            "id": "o1",
            "traceId": "t1",
            "type": "GENERATION",
            "startTime": "2026-11-18T10:00:00Z",
            "endTime": "2026-11-18T10:00:01Z",
            "name": p("langfuse: name"),
            "input": p("langfuse: prompt"),
            "output": p("langfuse: answer"),
            "metadata": {"note": p("langfuse: metadata")},
            "statusMessage": p("langfuse: status message"),
            "providedModelName": "gpt-5-mini",
            "modelParameters": {"system": p("langfuse: parameter"), "service_tier": p("langfuse: service tier")},
            "usageDetails": {"input": 10, "output": 5, p("langfuse: a usage key"): 1},
            "userId": self.email("langfuse: user"),
            "sessionId": self.seed("langfuse: session"),
            "tags": [p("langfuse: a long tag"), "beta"],
        }
        yield {"id": "o2", "traceId": "t1", "type": "GENERATION", "startTime": p("langfuse: a text for a time")}

    def _openrouter(self) -> Iterator[dict[str, Any]]:
        p = self.plant
        yield {
            "id": "r1",
            "object": "chat.completion",
            "created": 1789639200,
            "model": "openai/gpt-5.6-sol",
            "provider": "OpenAI",
            "user": self.email("openrouter: user"),
            "choices": [{"message": {"content": p("openrouter: answer")}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.1, "note": p("openrouter: a usage value")},
        }
        yield {
            "id": "r2",
            "error": {"code": 502, "message": p("openrouter: error"), "metadata": {"raw": p("openrouter: raw")}},
        }
        generation = {
            "id": "r3",
            "model": "openai/gpt-5.6-sol",
            "external_user": self.email("openrouter: external user"),
        }
        yield {"data": {**generation, "created_at": "2026-11-18T10:00:00Z", "app": p("openrouter: app")}}

    def _events(self) -> Iterator[dict[str, Any]]:
        p = self.plant
        yield {
            "id": "e1",
            "provider": "openai",
            "model": "gpt-4o",
            "started_at": "2026-11-18T10:00:00Z",
            "input_tokens": 10,
            "output_tokens": 5,
            "user": self.email("events: user"),
            "api_key": f"sk-{self.seed('events: key')}",
            "session": p("events: session"),
            "prompt_hash": p("events: prompt as its hash"),
            "prefix_hash": p("events: prefix as its hash"),
            "tags": {"note": p("events: a long tag"), p("events: a long name"): "x", "feature": "chat"},
            "prompt": p("events: prompt"),
            "error_message": p("events: error message"),
        }
        yield {"provider": "openai", "model": "gpt-4o", "started_at": p("events: a text for a time")}

    def _mapped(self) -> Iterator[dict[str, Any]]:
        p, at = self.plant, "2026-11-18T10:00:00Z"
        row = {"at": at, "model": "gpt-4o", "tokens": 10, "output": 5, "who": self.email("mapped: user")}
        yield {**row, "session": p("mapped: session"), "prompt": p("mapped: prompt")}
        yield {**row, "tokens": p("mapped: a text for a number"), "session": "x"}
