"""Many positions: where they lie, what is done with them, and games of one and of many."""
