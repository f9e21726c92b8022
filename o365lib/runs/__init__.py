"""Around the kernels: one run of a notebook, many of them, and what came of them."""
