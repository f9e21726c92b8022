"""`python -m o365lib` is the command `o365`, where that is not on the search path."""

from o365lib.cli import main

if __name__ == "__main__":
    main(prog_name="o365")
