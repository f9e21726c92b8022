"""The specification that is used and the one that is installed."""

import json
import sys
from importlib import metadata
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec

import o365lib.kernels
from o365lib.kernels.kernel_spec import PROVISIONER, kernel_spec


def test_it_is_this_interpreters_kernel_with_our_provisioner():
    spec = KernelSpec(**kernel_spec())
    assert spec.argv[0] == sys.executable
    assert spec.metadata["kernel_provisioner"] == {"provisioner_name": "o365-forking"}
    assert spec.metadata["supported_encryption"] == ["curve"]


def test_it_tells_the_provisioner_what_it_is_told():
    spec = kernel_spec(folder="/here", linger_seconds=3.0)
    config = spec["metadata"]["kernel_provisioner"]["config"]
    assert config == {"folder": "/here", "linger_seconds": 3.0}


def test_the_installed_specification_is_the_same_for_whatever_interpreter_it_is_installed_with():
    file = Path(o365lib.kernels.__file__).with_name("kernel.json")
    installed, ours = json.loads(file.read_text("utf-8")), kernel_spec()
    assert installed.pop("argv") == ["python", *ours.pop("argv")[1:]]
    assert installed == ours


def test_jupyter_finds_the_provisioner():
    points = metadata.entry_points(group="jupyter_client.kernel_provisioners", name=PROVISIONER)
    assert [point.value for point in points] == ["o365lib.kernels.provisioner:ForkingProvisioner"]
