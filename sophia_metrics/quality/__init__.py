"""Quality: what must hold of the data, written once, and the verdicts on it."""
