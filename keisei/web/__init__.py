"""The page: runs as they go and after they ended, and games against what was trained."""
