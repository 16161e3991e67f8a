"""How fast a machine plays and learns: the parts of training, its loop, and its device."""
