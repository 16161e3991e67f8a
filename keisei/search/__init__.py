"""Tree search over many games at once, on the verbs of the pool."""
