"""Learning from games that others have played, before or in place of self-play."""
