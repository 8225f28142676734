"""Who sleeps, who woke, and who they are: customers' acts over time."""
