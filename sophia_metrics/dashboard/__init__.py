"""The web page and its API: one overview of what is published, for people and for other dashboards."""
