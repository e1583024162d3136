"""``python -m onephase.cli``: the command line without its script."""

from onephase.cli.main import run

if __name__ == "__main__":
    run()
