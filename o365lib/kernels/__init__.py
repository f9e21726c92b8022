"""Kernels that start at once: forked from a process that has imported everything already.

A kernel of its own for every run costs two seconds of imports, the same ones each time. Here one
process per person, interpreter and code, the *template*, imports them once; every kernel is a fork
of it, which begins with the imported code and with nothing of any other run.

- `provisioner`: how jupyter_client starts such a kernel; it starts the template where there is
  none, and an ordinary kernel where there can be none (the forks need Linux).
- `meeting_point`: where the two meet: a socket in a folder that only this person may enter.
- `launch`: what passes between them; `forked_process`: the starter's end of a kernel's life.
- `template`: the process; `preloading`: what it imports; `imported_files`: whether that is still
  what the files say.
- `forked_kernel`: what a fork does before it is a kernel; `kernel_application`: the kernel.
- `kernel_spec`: the specification for jupyter_client.

The template is told nothing of a run. What a kernel is to be (its environment, folder, connection)
is in a file without a name that only the kernel reads, after the fork: so it is in no other
kernel's memory.
"""
