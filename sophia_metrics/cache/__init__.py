"""Caches of answers: what a Redis server says of itself, and what the application counts in it.

`sophia_metrics.cache.lookups` is what an application uses; it needs Redis' client and nothing else.
"""
