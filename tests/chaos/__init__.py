"""Kills, full disks, hung holders and upgrades cut short, under writers and readers: `python -m tests.chaos`."""
