"""What could be done to spend less: found in the calls of the last four weeks, each with evidence and an interval."""
