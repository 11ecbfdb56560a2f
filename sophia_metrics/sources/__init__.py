"""Usage files and how they become usage events: one module a format, and the readers that they share."""
