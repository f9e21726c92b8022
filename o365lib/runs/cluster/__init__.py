"""Workers on a Dask cluster; `distributed` is imported nowhere else.

- `workers` is where to begin, and is what `o365lib.runs.workers` asks for; `worker` is the part
  that runs over there.
"""
