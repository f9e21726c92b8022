"""What papermill's bookkeeping is to the client that executes cells, without a file."""

import nbformat.v4


class BareBookkeeping:
    """It notes nothing and stores nothing."""

    def __init__(self, *sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        self.nb = nbformat.v4.new_notebook(cells=cells)

    def cell_start(self, cell, cell_index=None, **_): ...

    def cell_complete(self, cell, cell_index=None, **_): ...

    def cell_exception(self, cell, cell_index=None, **_): ...

    def autosave_cell(self): ...

    def notebook_complete(self): ...
