"""The name that no client can have."""

from o365lib.evidence.layout import is_client
from o365lib.parameters.fields import is_client_name
from o365lib.reserved import BATCHES, is_reserved


def test_one_name_is_reserved_and_those_near_it_are_not():
    assert is_reserved(BATCHES)
    assert not is_reserved("o365-batch")
    assert not is_reserved("o365-batches-2")


def test_the_archive_has_a_folder_of_that_name_as_it_has_of_a_client():
    assert is_client(BATCHES)


def test_parameters_take_it_for_no_clients_name():
    assert not is_client_name(BATCHES)
