"""Log lines on standard error. Only the command line configures logging.

Known secrets are masked in the finished line, so that other libraries' messages and tracebacks pass
the mask too.
"""

import logging

import click

from o365lib.masked_log import MaskingFormatter
from o365lib.plain_text import without_controls


class EchoHandler(logging.Handler):
    """Writes to whatever standard error is at the moment: progress displays replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            # A library's message may hold a file's name; a traceback has lines.
            lines = self.format(record).split("\n")
            click.echo("\n".join(map(without_controls, lines)), err=True)
        except Exception:  # noqa: BLE001 -- logging must not end a command; `logging` decides
            self.handleError(record)


def configure(*, verbose: int, debug: bool) -> None:
    """Put our handler at the root, in place of one of an earlier call.

    Args:
        verbose: 0 warnings; 1 one line a request; 2 and more everything of ours.
        debug: everything of ours too.
    """
    handler = EchoHandler()
    handler.setFormatter(MaskingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each, EchoHandler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.getLogger("o365lib").setLevel(logging.DEBUG if debug else level)
