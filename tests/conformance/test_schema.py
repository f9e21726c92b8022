"""The schema checker itself: it can fail, and its facts agree with Microsoft's own SDK."""

import importlib
import inspect
import re
from typing import Any

import pytest

from tests.conformance.schema import (
    ENUMERATIONS,
    TYPES,
    entity_problems,
    list_problems,
    members,
    navigation,
    object_problems,
    value_problems,
)

pytestmark = [
    # msgraph-sdk still imports its own deprecated base class for query parameters.
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:kiota_abstractions\..*"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:msgraph\..*"),
]

USER = {
    "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/$entity",
    "id": "7e06b566-15f3-4013-8bf8-79874d52e68a",
    "displayName": "Ada Lovelace",
    "accountEnabled": True,
    "businessPhones": [],
    "mail": None,
    "createdDateTime": "2026-08-20T10:11:12Z",
    "assignedLicenses": [
        {"skuId": "c7df2760-2c81-4ef7-b578-5b5392b571df", "disabledPlans": []},
    ],
}

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown property": ({"userName": "ada"}, "no property 'userName'"),
    "a property of another type of entity": ({"isInitial": True}, "no property 'isInitial'"),
    "a snake-cased property": ({"display_name": "Ada"}, "no property 'display_name'"),
    "a number for a string": ({"displayName": 7}, "is no Edm.String"),
    "a string for a boolean": ({"accountEnabled": "true"}, "is no Edm.Boolean"),
    "a number for a boolean": ({"accountEnabled": 1}, "is no Edm.Boolean"),
    "null for a list": ({"businessPhones": None}, "not a list"),
    "null in a list": ({"businessPhones": [None]}, "null is not allowed"),
    "one value for a list": ({"businessPhones": "1"}, "not a list"),
    "null where not nullable": ({"id": None}, "null is not allowed"),
    "an id that is no GUID": ({"id": "ada"}, "is no Edm.Guid"),
    "an upper-case GUID": ({"id": USER["id"].upper()}, "is no Edm.Guid"),
    "a date without zone": ({"createdDateTime": "2026-08-20T10:11:12"}, "is no Edm.Date"),
    "a date with an offset": ({"createdDateTime": "2026-08-20T10:11:12+00:00"}, "is no Edm.Date"),
    "a date that does not exist": ({"createdDateTime": "2026-02-30T10:11:12Z"}, "is no Edm.Date"),
    "a date in seconds": ({"createdDateTime": 1_787_220_672}, "is no Edm.Date"),
    "a string for an object": ({"passwordProfile": "secret"}, "not an object"),
    "an unknown property inside": ({"passwordProfile": {"pass": "x"}}, "no property 'pass'"),
    "a wrong item inside": ({"assignedLicenses": [{"skuId": "E5"}]}, "is no Edm.Guid"),
    "an unknown derived type": ({"@odata.type": "#microsoft.graph.person"}, "not in the excerpt"),
    "a foreign derived type": ({"@odata.type": "#microsoft.graph.domain"}, "does not derive"),
    "a context of a list": (
        {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users"},
        "context of one entity",
    ),
    "no context": ({"@odata.context": None}, "@odata.context is None"),
}


def test_a_conforming_user_has_no_problems():
    assert entity_problems(USER, "user") == []
    context = USER["@odata.context"].removesuffix("/$entity")
    assert list_problems({"@odata.context": context, "value": [USER]}, "user") == []


@pytest.mark.parametrize("case", WRONG)
def test_the_checker_finds(case: str):
    change, expected = WRONG[case]
    problems = entity_problems(USER | change, "user")
    assert problems
    assert any(expected in problem for problem in problems), problems


def test_the_checker_finds_what_is_wrong_with_a_list():
    context = "https://graph.microsoft.com/v1.0/$metadata#users"
    good = {"@odata.context": context, "value": [USER]}
    assert list_problems(good | {"value": None}, "user") == ["no list under 'value'"]
    assert list_problems(good | {"nextLink": "https://x"}, "user")
    assert list_problems(good | {"@odata.nextLink": "/v1.0/users"}, "user")
    assert list_problems(good | {"@odata.count": "1"}, "user")
    assert list_problems(good | {"@odata.context": context + "/$entity"}, "user")
    assert list_problems(good | {"value": [{"upn": "x"}]}, "user")


def test_an_enumeration_takes_only_its_members():
    config = {"promptLoginBehavior": "nativeSupport", "preferredAuthenticationProtocol": "wsFed"}
    assert object_problems(config, "internalDomainFederation", "") == []
    config["preferredAuthenticationProtocol"] = "WsFed"
    assert "is no authenticationProtocol" in str(
        object_problems(config, "internalDomainFederation", "")
    )


def test_an_abstract_type_needs_the_derived_one_named():
    assert "@odata.type is needed" in str(
        object_problems({"id": USER["id"]}, "directoryObject", "")
    )
    user = {"@odata.type": "#microsoft.graph.user", "userPrincipalName": "a@b.example"}
    assert object_problems(user, "directoryObject", "") == []


def test_an_integer_has_32_bits():
    assert value_problems(2147483647, "Edm.Int32", "") == []
    assert value_problems(2147483648, "Edm.Int32", "")
    assert value_problems(True, "Edm.Int32", "")
    assert value_problems(1.5, "Edm.Int32", "")


@pytest.mark.parametrize("name", TYPES)
def test_the_excerpt_agrees_with_the_models_of_msgraph_sdk(name: str):
    fields = _sdk_fields(_sdk_class(name))
    excerpt = members(name) | navigation(name)
    assert excerpt.keys() == fields.keys()
    for field, reader in fields.items():
        wanted = excerpt[field].removesuffix(" not null")
        inner = re.sub(r"Collection\((.+)\)", r"\1", wanted)
        kind = _SDK_READERS.get(inner, inner[0].upper() + inner[1:])
        assert kind.lower() in reader.lower(), (field, reader)
        assert ("collection" in reader) == wanted.startswith("Collection("), (field, reader)


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_the_enumerations_agree_with_msgraph_sdk(name: str):
    assert sorted(member.value for member in _sdk_class(name)) == sorted(ENUMERATIONS[name])


_SDK_READERS = {
    "Edm.String": "str",
    "Edm.Boolean": "bool",
    "Edm.Int32": "int",
    "Edm.Guid": "uuid",
    "Edm.DateTimeOffset": "datetime",
    "Edm.Binary": "bytes",
}


def _sdk_class(name: str) -> Any:
    snake_cased = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    module = importlib.import_module(f"msgraph.generated.models.{snake_cased}")
    return getattr(module, name[0].upper() + name[1:])


def _sdk_fields(model: type) -> dict[str, str]:
    """The wire names that a model reads, with the way in which it reads each."""
    found: dict[str, str] = {}
    for ancestor in model.__mro__:
        if "get_field_deserializers" in vars(ancestor):
            source = inspect.getsource(vars(ancestor)["get_field_deserializers"])
            found |= dict(
                re.findall(r'"(\w+)": lambda n : setattr\(self, \'\w+\', n\.(.+)\)', source)
            )
    return found
