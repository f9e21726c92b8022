import pytest

from o365lib.sandbox.sign_in.error_catalogue import AADSTS

DOCUMENTED = (
    "50020 50034 50053 50055 50057 50072 50076 50079 50126 50158 50173 50177 53000 53001 53003 "
    "530035 65001 70011 70016 70043 700016 700027 700082 7000112 7000215 7000218 7000222 90002 "
    "900023 90094 500011"
)


@pytest.mark.parametrize("code", [int(code) for code in DOCUMENTED.split()])
def test_every_documented_number_has_a_text(code):
    error, status, text = AADSTS[code]
    assert error.islower()
    assert status in {400, 401}
    assert text.endswith((".", "]"))


def test_only_wrong_clients_are_answered_401():
    assert {error for error, status, _ in AADSTS.values() if status == 401} == {"invalid_client"}


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (70016, "authorization_pending"),
        (70020, "authorization_declined"),
        (70018, "bad_verification_code"),
        (70019, "expired_token"),
        (70021, "slow_down"),
    ],
)
def test_the_device_flow_has_the_standards_words(code, error):
    assert AADSTS[code][0] == error
