"""The archive of what was done: one folder a run, with the executed notebook and its record."""
