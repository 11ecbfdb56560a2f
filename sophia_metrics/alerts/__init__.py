"""Alerts: rules over what is published become episodes, and episodes become deliveries; pure until the edges."""
