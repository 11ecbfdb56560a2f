"""The same working directory twice, for a program on DuckDB and for one on Snowflake."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.snowflake_lab import SnowflakeLab


@dataclass(frozen=True)
class Places:
    """Two folders below `folder`; the one called is the working directory from then on, with its settings."""

    folder: Path
    snowflake: SnowflakeLab
    patch: pytest.MonkeyPatch

    def __call__(self, engine: str) -> CommandLine:
        folder = self.folder / engine
        folder.mkdir(exist_ok=True)
        self.patch.chdir(folder)
        self.patch.setenv("SOPHIA_HOME", str(folder / "home"))
        self.patch.setenv("SOPHIA_QUALITY__CHECKPOINT", "false")
        self.patch.setenv("SOPHIA_WAREHOUSE", engine)
        for name, value in self.snowflake.variables.items():
            if engine == "snowflake":
                self.patch.setenv(name, value)
            else:
                self.patch.delenv(name, raising=False)
        for name, value in self.snowflake.secrets.items():
            self.patch.setenv(name, value)
        return CommandLine(folder)
