"""Money over time: spend, and what stays apart from it."""
