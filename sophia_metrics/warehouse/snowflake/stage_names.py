"""Names of stage tables: each attempt makes its own, and a name tells when it was made."""

import hashlib
import re
import uuid
from datetime import UTC, datetime

__all__ = ["STAGE_NAME", "number_stages", "stage_table_name"]

STAGE_NAME = re.compile(r"stage_[0-9a-f]{16}_(?P<made>[0-9a-f]{8})[0-9a-f]{8}_[a-z0-9_]+")


def stage_table_name(attempt_id: str, noun: str, now: datetime) -> str:
    """Return the name of a stage table of an attempt; no two calls return the same.

    It says when it was made, so that whatever a run that died has left is told by its name.

    Args:
        attempt_id: the attempt.
        noun: what its rows are, such as usage_events.
        now: the present (naive UTC).
    """
    attempt = hashlib.sha256(attempt_id.encode()).hexdigest()[:16]
    made = int(now.replace(tzinfo=UTC).timestamp())
    return f"stage_{attempt}_{made:08x}{uuid.uuid4().hex[:8]}_{noun}"


def number_stages(text: str, names: list[str]) -> str:
    """Return a text with numbers in the place of names of stage tables; what is met first is added to `names`."""

    def number(name: re.Match[str]) -> str:
        if name[0] not in names:
            names.append(name[0])
        return f"sophia_stage_{names.index(name[0])}"

    return STAGE_NAME.sub(number, text)
