from o365lib.errors import Forbidden, ParametersError, Problem, Refused
from o365lib.runbook.panels.error_box import ErrorBox, error_html
from o365lib.secret import Secret


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_the_remedy_comes_first_and_the_technical_part_is_folded_away():
    error = raised(Refused("last-one", "It <is> the last.", remedy="Give it to another."))
    shown = error_html(error)
    places = [
        shown.index(part)
        for part in (
            "Refused: last-one",
            "Give it to another.",
            "It &lt;is&gt; the last.",
            "<details",
        )
    ]
    assert places == sorted(places)
    assert 'role="alert"' in shown
    assert "Traceback" in shown[shown.index("<details") :]
    assert "Traceback" not in shown[: shown.index("<details")]


def test_what_microsofts_support_asks_for_is_told():
    error = raised(
        Forbidden("No.", status=403, code="Authorization_RequestDenied", request_id="r-1")
    )
    shown = error_html(error)
    assert "status: 403" in shown
    assert "request_id: r-1" in shown


def test_every_problem_of_a_file_is_told():
    problems = [
        Problem("a.yaml", 3, 4, "tenant", "is <missing>"),
        Problem("a.yaml", 9, 1, "x", "y"),
    ]
    shown = error_html(raised(ParametersError(problems)))
    assert "2 problems" in shown
    assert "a.yaml:3:4: tenant: is &lt;missing&gt;" in shown
    assert "a.yaml:9:1: x: y" in shown


def test_no_secret_is_shown_not_even_in_the_technical_part():
    Secret("canary-4242-ee")
    shown = error_html(raised(Refused("x", "It is canary-4242-ee.", remedy="canary-4242-ee")))
    assert "canary" not in shown


def test_elsewhere_than_in_jupyterlab_it_is_its_sentences():
    box = ErrorBox(raised(Refused("x", "It is so.", remedy="Do this.")))
    assert "Do this." in repr(box)
    assert "It is so." in box._repr_html_()
