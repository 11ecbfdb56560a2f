"""Maintenance: what becomes of files, rows and versions that nobody needs any more."""
