"""Anomalies: settled days that are not as the days before let expect. A tested day never tells what is expected."""
