"""The engine for shogi programs: the Universal Shogi Interface over a search.

``engine``, ``worker`` and what they import are light; the rest is imported at ``isready``.
"""
