"""A quarter of a year, day by day: late and restated usage, a price that moves, a runaway team, a budget that goes."""
