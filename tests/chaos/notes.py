"""What a run says of itself outside the state folder, on disk before it goes on: it is what a killed run leaves."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Notes:
    """A file of JSON lines that several processes append to."""

    path: Path

    def add(self, **fields: Any) -> None:
        """Append one note, and have it on disk."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, (json.dumps(fields, default=str) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield every note."""
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                yield json.loads(line)
