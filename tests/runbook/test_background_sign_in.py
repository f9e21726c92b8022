import threading

import pytest

from o365lib.errors import RunError, SignInError
from o365lib.runbook.background_sign_in import GIVEN_UP, BackgroundSignIn


@pytest.fixture
def ended():
    return threading.Event()


def begun(ask, ended):
    task = BackgroundSignIn(ask, prompt=lambda _: None, ended=ended.set)
    task.start()
    return task


def over(task):
    task._thread.join(10)
    return task.is_over


def test_who_has_signed_in_is_its_result(ended):
    task = begun(lambda prompt, pause: "somebody", ended)
    assert ended.wait(10)
    assert over(task)
    assert task.result() == "somebody"


def test_it_goes_on_beside_whoever_began_it(ended):
    go_on = threading.Event()
    task = begun(lambda prompt, pause: go_on.wait(10) and "somebody", ended)
    assert not task.is_over
    go_on.set()
    assert over(task)


@pytest.mark.parametrize(
    ("raised", "kind"), [(SignInError("No."), SignInError), (ValueError("what"), RunError)]
)
def test_what_it_raises_is_raised_where_it_is_asked_for(ended, raised, kind):
    def ask(prompt, pause):
        raise raised

    task = begun(ask, ended)
    assert ended.wait(10)
    with pytest.raises(kind):
        task.result()


def test_given_up_it_ends_at_once_and_tells_nobody(ended):
    waiting = threading.Event()

    def ask(prompt, pause):
        waiting.set()
        pause(3600)

    task = begun(ask, ended)
    assert waiting.wait(10)
    task.give_up()
    assert over(task)
    with pytest.raises(SignInError) as caught:
        task.result()
    assert caught.value.error == GIVEN_UP
    assert not ended.is_set()
