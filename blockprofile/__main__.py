"""`python -m blockprofile`: the command line."""

from blockprofile.cli.main import run

if __name__ == "__main__":
    run()
