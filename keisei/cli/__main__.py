"""``python -m keisei.cli`` is the command ``keisei-vec``; so ``torchrun -m`` can name it."""

from keisei.cli.main import main

if __name__ == "__main__":
    main()
