"""``python -m keisei`` is the command ``keisei-vec``."""

from keisei.cli.main import main

if __name__ == "__main__":
    main()
