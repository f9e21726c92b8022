import pytest

from o365lib.reports import seal_status
from o365lib.reports.seal_status import SealStatus


@pytest.mark.parametrize(
    ("state", "text", "tone", "said"),
    [
        ("sealed", "✓ sealed, number 7", "good", "byte by byte"),
        ("under way", "… not sealed yet: the run is under way", "doubt", "when it ends"),
        ("not sealed", "✗ NOT SEALED", "bad", "Nothing shows"),
        ("invalid", "✗ SEAL NOT VALID", "bad", "Do not rely"),
    ],
)
def test_a_seals_state_is_said_in_words(state, text, tone, said):
    seal = SealStatus(state=state, number=7)
    assert (seal_status.verdict(seal).text, seal_status.verdict(seal).tone) == (text, tone)
    assert said in seal_status.sentence(seal)
