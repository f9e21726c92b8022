import pytest

TLS = ("--tls-ca", "--tls-cert", "--tls-key")
RUN = ("run", "create", "alpine-books", "--approved-by", "Kim")


@pytest.fixture
def pem(tmp_path):
    file = tmp_path / "some.pem"
    file.touch()
    return str(file)


def test_certificates_without_a_scheduler_are_a_mistake(error_line, pem, project):
    status, line = error_line(*RUN, "--tls-ca", pem)
    assert status == 2
    assert "no scheduler to show them to" in line
    assert not (project / "evidence").exists()


@pytest.mark.parametrize("left_out", TLS)
def test_a_cluster_needs_all_three_files_or_none(error_line, pem, left_out):
    given = [part for name in TLS if name != left_out for part in (name, pem)]
    status, line = error_line(*RUN, "--scheduler", "tls://localhost:8786", *given)
    assert status == 2
    assert "needs all three" in line


def test_on_a_cluster_the_workers_say_how_many_at_once(error_line):
    status, line = error_line(*RUN, "--scheduler", "tls://localhost:8786", "--jobs", "4")
    assert status == 2
    assert "--nthreads" in line


def test_a_scheduler_without_certificates_elsewhere_is_refused(error_line, project):
    status, line = error_line(*RUN, "--scheduler", "tcp://192.0.2.1:8786")
    assert status == 2
    assert "192.0.2.1" in line
    assert not (project / "evidence").exists()


def test_what_is_no_address_of_a_scheduler_is_told(error_line):
    status, line = error_line(*RUN, "--scheduler", "nonsense")
    assert status == 2
    assert "'nonsense' is not the address of a scheduler" in line
