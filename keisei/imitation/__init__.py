"""Learning from games that are there: those of others, or one's own with a search."""
