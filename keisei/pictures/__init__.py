"""Positions to look at: as text, as SVG and as pixels."""
