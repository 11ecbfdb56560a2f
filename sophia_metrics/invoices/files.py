"""A source of bills: FOCUS files on this machine, or what was pulled of a vendor's cost report."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.sources.file_source import SourceFile, find_files
from sophia_metrics.sources.spool_source import PulledWindow
from sophia_metrics.sources.terms import SourceTerms

__all__ = ["BillFiles"]


class BillFiles(ServiceLifecycle):
    """Bills under some paths: files, folders or globs."""

    def __init__(self, terms: SourceTerms, paths: tuple[str, ...], mapping: str | None = None) -> None:
        """Name the files.

        Args:
            terms: what holds for the source.
            paths: where they are.
            mapping: a SELECT that turns the relation `landed`, a file that was pulled, into lines. None: they are
                FOCUS files.
        """
        self.terms = terms
        self.paths = paths
        self.mapping = mapping

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.terms.name

    def find_files(self) -> tuple[SourceFile, ...]:
        """Return the files that there are now, the oldest first: of two that hold a line the newer one counts.

        Raises:
            ConfigurationError: a path without a wildcard does not exist, or may not be read.
        """
        if not self._is_begun:
            return ()
        return tuple(sorted(find_files(self.paths), key=_age))

    async def health_check(self) -> Health:
        """Look for the files; a source without files is unknown, never healthy."""
        started = perf_counter()
        try:
            files = self.find_files()
        except ConfigurationError as error:
            return Health(self.name, HealthStatus.DOWN, str(error))
        if not self._is_begun:
            return Health(self.name, HealthStatus.UNKNOWN, "nothing was pulled yet: `sophia-metrics run` does")
        elapsed_ms = (perf_counter() - started) * 1000
        facts = {"file_count": len(files), "size_bytes": sum(file.size_bytes for file in files)}
        if not files:
            return Health(self.name, HealthStatus.UNKNOWN, f"no file under {', '.join(self.paths)}", elapsed_ms, facts)
        return Health(self.name, HealthStatus.HEALTHY, f"{len(files)} bills", elapsed_ms, facts)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Files and bytes that there are now."""
        files = self.find_files()
        return {"file_count": len(files), "size_bytes": sum(file.size_bytes for file in files)}

    @property
    def _is_begun(self) -> bool:
        """Whether anything was pulled, where that is how files come."""
        return self.mapping is None or all(Path(folder).exists() for folder in self.paths)


def _age(file: SourceFile) -> tuple[int, str, str]:
    pulled = PulledWindow.parse(file.name)
    return (file.modified_ns, "", file.name) if pulled is None else (0, f"{pulled.read_at:%Y%m%dT%H%M%S%f}", file.name)
