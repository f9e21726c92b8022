"""Three small rounds of `make soak`: what takes part in a batch is killed, and all ends well."""

import socket
import threading
import urllib.parse

import pytest

from benchmarks.soak import keep, kept
from benchmarks.soak_blows import EVENTS_A_CLIENT, TARGETS, Blow, planned
from benchmarks.soak_project import soak_project
from benchmarks.soak_round import DriveStory, RoundStory, play

CLIENTS = 12


@pytest.mark.parametrize(
    "blows",
    [
        pytest.param([[Blow("driver", 60)], [Blow("driver", 5)]], id="the driver, twice"),
        pytest.param(
            [[Blow("kernel", 10), Blow("worker", 30), Blow("template", 60)]],
            id="a kernel, a worker, the template",
        ),
        pytest.param(
            [[Blow("sandbox frozen", 10), Blow("sandbox killed", 40), Blow("driver", 50)]],
            id="the tenants' service, and the driver",
        ),
    ],
)
def test_whoever_is_killed_the_batch_ends_as_if_nobody_had_been(tmp_path, blows):
    with soak_project(tmp_path, CLIENTS) as project:
        story = play(project, blows, seed=1, jobs=4)
    assert story.faults == []
    assert story.drives[-1].status == 0
    assert len(story.struck) == sum(map(len, blows)), [drive.missed for drive in story.drives]
    assert story.attempts >= CLIENTS


def test_a_seed_always_plans_the_same_and_each_target_has_its_turn():
    plans = [planned(seed, 200) for seed in range(50)]
    assert plans == [planned(seed, 200) for seed in range(50)]
    hit = {blow.target for plan in plans for drive in plan for blow in drive}
    assert hit == set(TARGETS)
    for plan in plans:
        for drive in plan:
            moments = [blow.after for blow in drive]
            assert moments == sorted(moments)
            assert max(moments) <= EVENTS_A_CLIENT * 200
            # Nobody is left to tell when the next blow would be due.
            assert "driver" not in [blow.target for blow in drive[:-1]]


def test_a_page_that_is_continued_tells_the_rounds_that_it_had(tmp_path):
    page = tmp_path / "SOAK.md"
    assert kept(page) == {}
    drives = [DriveStory(["driver at event 3"], [], -9, ["said"]), DriveStory()]
    stories = {4: RoundStory(drives, 203, 71.5, ["wrong"]), 5: RoundStory([DriveStory()], 200)}
    keep(page, stories, clients=200)
    assert kept(page) == stories
    assert "| 4 | driver at event 3 | 2 | 203 | 72 | wrong |" in page.read_text("utf-8")
    assert "| attempts | 403 |" in page.read_text("utf-8")


def test_a_killed_sandbox_waits_until_its_ports_are_free_again(tmp_path):
    with soak_project(tmp_path, 1) as project:
        addresses = project.description["graph_base_url"], project.description["login_base_url"]
        project.kill_sandbox()
        taken = socket.create_server(("127.0.0.1", urllib.parse.urlsplit(addresses[0]).port))
        threading.Timer(3, taken.close).start()
        project.start_sandbox()
        again = project.description["graph_base_url"], project.description["login_base_url"]
        assert again == addresses
