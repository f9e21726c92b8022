"""How a person signs in beside the kernel stands in tests/notebooks/test_in_jupyterlab.py."""

import pytest

from o365lib.errors import Refused, StepOutOfOrder


def test_who_has_signed_in_is_known_from_then_on(open_run):
    run = open_run("create", "alpine-books").run
    with pytest.raises(StepOutOfOrder, match="Nobody is signed in"):
        run.session  # noqa: B018 -- it raises
    run.sign_in()
    assert run.identity.kind == "application"
    assert run.session is run.graph
    assert run.record.operator.signed_in_as == run.identity.name


def test_a_person_who_would_see_no_prompt_is_not_waited_for(open_run, demo_project):
    tenant = demo_project.tenant("eastgate-physio")
    demo_project.edit(
        "eastgate-physio",
        sign_in={"method": "device-code", "application_id": tenant.public_client.app_id},
    )
    opened = open_run("create", "eastgate-physio")
    with pytest.raises(Refused) as caught:
        opened.to("sign_in")
    assert caught.value.code == "nobody-to-sign-in"


def test_to_leave_a_run_gives_its_sign_in_up(open_run):
    class Task:
        is_over, left = False, False

        def give_up(self):
            self.left = True

    run = open_run("create", "alpine-books").run
    run._under_way = task = Task()
    run.leave("It was left.")
    assert task.left
