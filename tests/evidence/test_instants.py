from datetime import UTC, datetime

import pytest

from o365lib.evidence.instants import instant_of

NOON = datetime(2026, 11, 23, 12, 4, 5, 678901, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-23T12:04:05.678901Z", NOON),
        ("2026-11-23T12:04:05.678901", NOON),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_an_instant_is_read_from_a_record_or_is_none(text, found):
    assert instant_of(text) == found
