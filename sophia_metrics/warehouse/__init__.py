"""Warehouses: what the pipeline needs of one, and the engines that give it."""
