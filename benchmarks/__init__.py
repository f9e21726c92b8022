"""How fast and how big: measured by the commands that people use, against the sandbox."""
