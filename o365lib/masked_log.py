"""Log lines in which known secrets are masked, whoever wrote them.

Other libraries log what a service answered, and a gateway's error page may quote a client secret.
The mask is the last thing that is done to a finished line, its traceback included.
"""

import logging
import time

from o365lib import secret


class MaskingFormatter(logging.Formatter):
    """Formats a record with its time in UTC, and masks what it says."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or lines where a traceback belongs to it."""
        return secret.mask(super().format(record))


def mask_unconfigured_logs() -> None:
    """Mask what Python shows where nobody has configured logging, as in a kernel.

    There a library's warning goes to standard error, which a notebook keeps.
    https://docs.python.org/3/library/logging.html#logging.lastResort
    """
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(MaskingFormatter())
