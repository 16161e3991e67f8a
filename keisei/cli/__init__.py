"""The command line: ``keisei-vec``."""
