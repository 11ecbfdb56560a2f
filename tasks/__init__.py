"""How hard to try: one short wrapper a step, with retries, deadline and run name."""
