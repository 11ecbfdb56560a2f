"""What others take away: spend as rows of FOCUS, and what each team, key or customer is charged."""
