"""One training run: loop, files, screen and callbacks."""
