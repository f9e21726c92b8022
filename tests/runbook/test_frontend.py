import json

import pytest

from o365lib.runbook.frontend import Frontend
from tests.jupyter_desk import CellFailed, Desk

PREPARE = """
from IPython import get_ipython
from o365lib.runbook.frontend import Frontend
front, driven = Frontend(driven=False), Frontend(driven=True)
def tell(*values):
    import json
    print(json.dumps(values))
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with Desk(tmp_path_factory.mktemp("desk")) as open_desk:
        open_desk.run(PREPARE)
        yield open_desk


@pytest.fixture
def interactive(desk):
    desk.is_interactive = True
    return desk


@pytest.fixture
def alone(desk):
    desk.is_interactive = False
    return desk


def told(outputs):
    return json.loads("".join(output["text"] for output in outputs))


def test_without_a_kernel_nobody_is_there():
    front = Frontend(driven=False)
    assert (front.is_interactive, front.can_prompt) == (False, False)
    assert front.unknown_parameters({"client"}) == []
    assert front.cell() == ("", "")
    assert front.prompt("text") is None
    front.announce("look")


LOOK = "tell(front.is_interactive, front.can_prompt, driven.is_interactive, driven.can_prompt)"


def test_where_input_is_answered_a_person_sits_there(interactive):
    assert told(interactive.run(LOOK)) == [True, True, False, True]


def test_where_input_is_not_answered_nobody_does(alone):
    assert told(alone.run(LOOK)) == [False, False, False, True]


def test_the_cell_that_is_executed_is_known(interactive):
    source = "tell(front.cell())"
    assert told(interactive.run(source, cell_id="look")) == [["look", source]]


def test_names_that_no_runbook_knows_are_found_where_nobody_types(alone):
    alone.run("aproved_by = 'Kim'; client = 'alpine'; _own = 1")
    names = "front.unknown_parameters({'client', 'front', 'driven', 'tell', 'Frontend'})"
    assert told(alone.run(f"tell({names})")) == [["aproved_by"]]
    alone.is_interactive = True
    assert told(alone.run(f"tell({names})")) == [[]]


def test_an_error_is_a_box_with_the_remedy_first_and_the_line_below_is_short(interactive):
    with pytest.raises(CellFailed) as caught:
        interactive.run(
            "from o365lib.errors import Refused\n"
            "e = Refused('some-guard', 'It <b>is</b> so.', remedy='Do this.')\n"
            "front.show_error(e); front.show_error(e); raise e"
        )
    shown = str(caught.value)
    assert shown.count("Do this.") == 1
    assert shown.splitlines()[-1] == "Refused: the box above says what to do."


def test_an_error_of_a_batch_is_only_raised(alone):
    with pytest.raises(CellFailed) as caught:
        alone.run(
            "raise (e := Refused('some-guard', 'It is so.', remedy='Do this.')) "
            "if front.show_error(Refused('x', 'y')) is None else 1"
        )
    assert "What to do" in str(caught.value)
    assert "the box above" not in str(caught.value)


def test_something_is_called_in_the_kernels_own_thread_between_two_cells(interactive):
    interactive.run(
        "import threading\n"
        "heard = []\n"
        "tell_it = lambda: heard.append(threading.current_thread() is threading.main_thread())\n"
        "threading.Thread(target=lambda: front.call_between_cells(tell_it)).start()"
    )
    assert told(interactive.run("import time; time.sleep(0.2)\ntell(heard)")) in ([[True]], [[]])
    assert told(interactive.run("tell(heard)")) == [[True]]


def test_to_the_driver_a_prompt_and_a_step_travel_where_jupyter_keeps_nothing(alone):
    outputs = alone.run("driven.prompt('code QXW-4711'); driven.announce('look')")
    assert "QXW" not in json.dumps(outputs)
    assert alone.transients[-2:] == [{"prompt": "code QXW-4711"}, {"step": "look"}]


def test_to_the_driver_traffic_travels_in_the_same_way_and_only_as_news(alone):
    before = len(alone.transients)
    alone.run(
        "one = Frontend(driven=True); one.announce('sign-in'); one.announce('look', requests=3); "
        "one.tell_traffic(3, 0); one.tell_traffic(5, 1); one.announce('plan', requests=5, "
        "throttled=1)"
    )
    assert alone.transients[before:] == [
        {"step": "sign-in"},
        {"step": "look", "requests": 3, "throttled": 0},
        {"requests": 5, "throttled": 1},
        {"step": "plan"},
    ]


def test_of_many_short_waits_a_few_a_second_are_told_and_every_long_one(alone):
    before = len(alone.transients)
    alone.run(
        "one = Frontend(driven=True)\n"
        "for each in range(1, 6): one.tell_traffic(each, each, wait_seconds=0.0)\n"
        "one.tell_traffic(6, 6, wait_seconds=30.0); one.tell_traffic(7, 7, wait_seconds=30.0)"
    )
    told = [each["throttled"] for each in alone.transients[before:]]
    assert told == [1, 6, 7]


def test_without_a_driver_no_traffic_is_told(interactive):
    before = len(interactive.transients)
    interactive.run("front.tell_traffic(5, 5); front.announce('look', requests=9)")
    assert interactive.transients[before:] == []


def test_without_a_driver_no_step_is_announced(interactive):
    assert interactive.run("front.announce('look')") == []
