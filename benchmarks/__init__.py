"""Speed and memory, as ratios measured side by side: `uv run python -m benchmarks.NAME`."""
