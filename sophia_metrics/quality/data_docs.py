"""Data Docs that stand alone: the pages of Great Expectations load styles and scripts from other hosts."""

import re
from pathlib import Path

__all__ = ["make_self_contained"]

LOADED = re.compile(
    r"""<script\b[^>]*\bsrc\s*=\s*["'](?:https?:)?//[^>]*>.*?</script>"""
    r"""|<(?:link|img|iframe)\b[^>]*\b(?:href|src)\s*=\s*["'](?:https?:)?//[^>]*>""",
    re.IGNORECASE | re.DOTALL,
)
"""Whatever a page would load from elsewhere."""
SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"""(?:https?:)?//[\w-]+(?:\.[\w-]+)+[^\s"'<>)]*""")
STYLE = """<style>
body { font: 14px/1.5 sans-serif; margin: 1.5rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
td, th { border: 1px solid #ccc; padding: .25rem .6rem; text-align: left; vertical-align: top; }
.modal, .navbar, .ge-cta-footer, .tooltip { display: none; }
</style>
"""


def make_self_contained(folder: Path) -> None:
    """Let every page below a folder name no other host; what it would have loaded is replaced by a plain style."""
    for page in folder.rglob("*.html"):
        text = LOADED.sub("", page.read_text(encoding="utf-8"))
        text = SCRIPT.sub("", text)  # without their libraries the scripts inside a page can only fail
        text = ADDRESS.sub("#", text)
        page.write_text(text.replace("</head>", f"{STYLE}</head>", 1), encoding="utf-8")
