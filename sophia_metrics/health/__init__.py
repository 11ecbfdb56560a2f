"""Whether services answer: probes, the status that they add up to, and their record."""
