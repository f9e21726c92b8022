"""Workers on this machine: processes of their own, or threads where a batch is small.

- `engine` chooses between them; `workers` are the processes, of which `spawned_worker` is one as
  the driver sees it, and `worker_process` is the same one from within.
- Both kinds are what `o365lib.runs.workers` asks for.
"""
