"""From SVG to PNG, by vl-convert, which brings its own fonts: the same picture on every machine."""

from sophia_metrics.errors import ConfigurationError

__all__ = ["png_of"]

SCALE = 2.0
"""Pixels for a unit of the drawing: sharp on a screen with twice the pixels."""


def png_of(drawing: bytes) -> bytes:
    """Return a drawing of ours as PNG.

    Raises:
        ConfigurationError: vl-convert is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - optional, and 84 MB
    except ImportError as error:
        raise ConfigurationError(
            "charts as PNG need vl-convert, which is not installed: pip install 'sophia-metrics[png]'"
        ) from error
    return vl_convert.svg_to_png(drawing.decode(), scale=SCALE)
