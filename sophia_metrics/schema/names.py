"""The vocabulary of names: what the end of a column's name says about its kind."""

from sophia_metrics.schema.column import Kind

__all__ = ["kind_of_name"]

_KINDS_BY_SUFFIX = {
    "_at": Kind.INSTANT,
    "_on": Kind.DATE,
    "_ms": Kind.REAL,
    "_seconds": Kind.COUNT,
    "_bytes": Kind.COUNT,
    "_tokens": Kind.COUNT,
    "_count": Kind.COUNT,
    "_ratio": Kind.REAL,
    "_id": Kind.TEXT,
    "_hash": Kind.TEXT,
    "_sha256": Kind.TEXT,
    "_usd": Kind.MONEY,
}


def kind_of_name(name: str) -> Kind | None:
    """Return the kind that a name promises; None: it promises none."""
    if name.startswith(("is_", "has_")):
        return Kind.BOOLEAN
    if name.startswith(("rate_", "fx_rate")):
        return Kind.RATE
    if name.startswith("cost_per_"):
        return Kind.REAL
    return next((kind for suffix, kind in _KINDS_BY_SUFFIX.items() if name.endswith(suffix)), None)
