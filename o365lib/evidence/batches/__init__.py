"""Batches: what one began with, which of its runs were claimed by whom, and what came of it.

    _batches/<batch id>/inputs.json             what it began with, and never changes
    _batches/<batch id>/inputs.statement.json   the signature over that
    _batches/<batch id>/claims/<client>.<attempt>.json   one for each attempt that somebody executes
    _batches/<batch id>/batch.json              what came of it so far; replaced as a whole
    _batches/<batch id>/00000001.json           that, signed, as one drive ended with it
    _batches/<batch id>/.driver.lock            held by the process that drives the batch now
    _batches/<batch id>/.driver.json            who that is

- A batch may be driven several times: a later drive takes up what an earlier one left to do, with
  the inputs of the first, whatever became of the parameters since.
- No attempt is executed twice: who executes one has made its claim's file, which only one can make.
- `folder` is where to begin; the other modules are its parts. Claims, `batch.json` and locks prove
  nothing; what is signed does.
"""
