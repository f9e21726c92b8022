"""What kernels need not import."""

import importlib

from o365lib.kernels import preloading


def test_there_is_everything_that_is_named():
    for name in preloading.MODULES:
        assert importlib.import_module(name)


def test_a_kernel_has_it_all_before_its_first_cell(kernel):
    code = "import sys; from o365lib.kernels import preloading"
    assert kernel.ask(f"{code}; print(set(preloading.MODULES) - set(sys.modules))") == "set()"


def test_what_cannot_be_imported_is_left_to_the_kernel(monkeypatch):
    monkeypatch.setattr(preloading, "MODULES", ("no.such.module",))
    monkeypatch.setattr(preloading, "FUNCTIONS", (("o365lib.kernels", "no_such_function"),))
    preloading.preload()
