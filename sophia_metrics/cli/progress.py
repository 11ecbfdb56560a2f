"""What is going on while a run works, on standard error: a status line in a terminal, else plain lines."""

import logging
from types import TracebackType
from typing import Self

from rich.console import Console

__all__ = ["Progress"]

LIBRARY = "sophia_metrics"


class Progress(logging.Handler):
    """Shows what the library logs from INFO up, from `__enter__` to `__exit__`.

    Warnings and errors stay on the screen, unless Prefect shows them already.
    """

    def __init__(self, doing: str, *, shows_warnings: bool = True) -> None:
        super().__init__(logging.INFO)
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status(doing) if self._console.is_terminal else None
        self._doing = doing
        self._shows_warnings = shows_warnings
        self._level_before = logging.NOTSET

    def __enter__(self) -> Self:
        logger = logging.getLogger(LIBRARY)
        self._level_before = logger.level
        logger.setLevel(logging.INFO)
        logger.addHandler(self)
        if self._status:
            self._status.start()
        else:
            self._say(self._doing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logger = logging.getLogger(LIBRARY)
        logger.removeHandler(self)
        logger.setLevel(self._level_before)
        if self._status:
            self._status.stop()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        if record.levelno < logging.WARNING:
            self.show(record.getMessage())
        elif self._shows_warnings:
            self._say(f"{record.levelname.lower()}: {record.getMessage()}")

    def show(self, doing: str) -> None:
        """Say what is going on now."""
        if self._status:
            self._status.update(doing)
        else:
            self._say(doing)

    def keep(self, message: str) -> None:
        """Say something that stays on the screen."""
        self._say(message)

    def _say(self, message: str) -> None:
        self._console.print(message, markup=False, soft_wrap=True)
