"""Where alerts are sent: one vendor a file."""
