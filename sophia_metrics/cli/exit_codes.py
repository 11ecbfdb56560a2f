"""How a command ends. 0 is good; 130 and 143 are stopped, by Ctrl-C and by SIGTERM."""

__all__ = ["FAILED", "HELD", "WRONG_USAGE"]

FAILED = 1
WRONG_USAGE = 2
"""Wrong usage or configuration."""
HELD = 3
"""Finished, but the gate or a failed expectation holds something back."""
