"""Usage: from the files of a source to landed, staged and judged rows."""
