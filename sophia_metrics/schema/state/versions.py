"""State of what readers see: the versions, and from what the marts in them were built."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["MART_BUILDS", "VERSIONS"]

TEXT, BOOLEAN, DATE, INSTANT, COUNT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT, Kind.COUNT

VERSIONS = Table(
    name="core_versions",
    doc="The published versions.",
    key=("version",),
    columns=(
        Column("version", COUNT, "Number of the version, from 1; only ever grows.", True),
        Column("published_at", INSTANT, "When it was published (UTC).", True),
        Column("content_sha256", TEXT, "Hash over everything that the version shows.", True),
        Column("is_sample", BOOLEAN, "The version shows sample data.", True),
        Column("size_bytes", COUNT, "Bytes of its file. Null: in the version itself, or not noted yet."),
        Column("file_sha256", TEXT, "SHA-256 of its file. Null: as before."),
    ),
    storage=Storage.STATE,
)

MART_BUILDS = Table(
    name="mart_builds",
    doc="From which inputs each day of a mart was built; a day whose inputs differ is built again.",
    key=("mart", "day_on"),
    columns=(
        Column("mart", TEXT, "The mart.", True),
        Column("day_on", DATE, "The UTC day.", True),
        Column("inputs_sha256", TEXT, "Hash over the paths of the input files and the text of the SQL.", True),
    ),
    storage=Storage.INTERNAL,
)
