"""Core, marts and state in Snowflake, for teams that outgrow one machine."""
