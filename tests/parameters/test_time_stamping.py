"""`time_stamp` in the defaults: its keys, and what is wrong told with line and column."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from o365lib import parameters
from tests.time_stamp_authority import TimeStampAuthority

URL = "http://time.example.com/tsa"


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    return TimeStampAuthority(tmp_path_factory.mktemp("authority")).root_pem


@pytest.fixture
def with_time_stamp(folder, pem):
    """Add a section to the defaults, which have 23 lines without it."""
    (folder.path.parent / "root.pem").write_bytes(pem)

    def add(text):
        folder.defaults.write_text(folder.defaults.read_text() + f"time_stamp: {text}\n")
        return folder

    return add


def test_without_the_section_nobody_stamps(folder):
    rules = parameters.load_defaults(folder.path).time_stamp
    assert (rules.url, rules.certificate, rules.roots) == (None, None, ())


def test_an_authority_and_the_certificate_by_which_it_is_known_are_read(with_time_stamp, pem):
    folder = with_time_stamp(f"{{url: '{URL}', certificate: root.pem}}")
    rules = parameters.load_defaults(folder.path).time_stamp
    assert rules.url == URL
    assert rules.roots == (pem,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{{url: '{URL}'}}", "both `url` and `certificate`"),
        ("{certificate: root.pem}", "both `url` and `certificate`"),
        ("{url: 'ftp://time.example.com', certificate: root.pem}", "http:// or https://"),
        ("{url: 'time.example.com', certificate: root.pem}", "http:// or https://"),
        ("{url: 'http://[x/', certificate: root.pem}", "http:// or https://"),
        ("{url: 'http://time.example.com:99999/', certificate: root.pem}", "http:// or https://"),
        ("{url: 'https://me:hush@time.example.com', certificate: root.pem}", "a credential"),
        (f"{{url: '{URL}', certificate: gone.pem}}", "no such file"),
        (f"{{url: '{URL}', certificate: parameters/defaults.yaml}}", "no X.509 certificate"),
        (f"{{url: '{URL}', certificate: key.pem}}", "private key"),
        (f"{{url: '{URL}', certificate: root.pem, password: hush}}", "password"),
        ("true", "`url` and `certificate`"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_a_secret(with_time_stamp, text, said):
    folder = with_time_stamp(text)
    key = Ed25519PrivateKey.generate()
    (folder.path.parent / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    problem = folder.problem()
    assert problem.line == 24
    assert said in str(problem)
    assert "hush" not in str(problem)
