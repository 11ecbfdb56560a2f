"""Prices: which card holds for a call, and what the call cost."""
