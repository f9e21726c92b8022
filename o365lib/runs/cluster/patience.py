"""A cluster without any worker: when that is told, and when it is waited for no longer. Pure."""

# How long there may be no worker before it is told, and how often it is told after that.
_TOLD_AFTER_SECONDS = 60.0
_TOLD_AGAIN_SECONDS = 600.0


class Patience:
    """How a driver waits for workers.

    Args:
        seconds: after so long without any worker it gives up; None is never.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._alone_since: float | None = None
        self._tell_at = 0.0
        self.lost = ""  # why it waits no longer, in a sentence

    def look(self, now: float, *, is_alone: bool) -> str:
        """Note how it is now; return what is to be told, a sentence, or nothing.

        Args:
            now: in seconds of a clock that only goes forward.
            is_alone: whether there is no worker.
        """
        if not is_alone:
            self._alone_since = None
            return ""
        if self._alone_since is None:
            self._alone_since, self._tell_at = now, now + _TOLD_AFTER_SECONDS
        waited = now - self._alone_since
        if self._seconds is not None and waited >= self._seconds:
            self.lost = f"The cluster has had no worker for {self._seconds:.0f} seconds."
            return ""
        if now < self._tell_at:
            return ""
        self._tell_at = now + _TOLD_AGAIN_SECONDS
        return (
            f"The cluster has had no worker for {round(waited / 60)} min: the batch waits for one"
            " to join. Start one, or press Ctrl-C."
        )
