"""Masking what a record says, and nothing of what makes it a record.

- Every text value loses the secrets that this process knows. Keys never do, nor values that are
  words of a closed vocabulary, instants and numbers: a passphrase `status` in their place would be
  no leak, and without them nobody could read the record any more.
- Identifiers are left too, because later runs find accounts, runs and roles by them: fields
  declared with `Identifier`, and in what is kept as a tree the keys of `READ_BACK`.
"""

from collections.abc import Callable
from enum import Enum
from typing import Annotated, Any, Final, Literal, get_origin

from pydantic import BaseModel, JsonValue

from o365lib import secret

_KEPT: Final = object()

# A text field that is kept letter for letter: a name of ours, a digest, or the directory's id.
Identifier = Annotated[str, _KEPT]

# What later runs read in an earlier run's facts, plan, parameters and undo.
READ_BACK: Final = frozenset(
    {
        "id",
        "user_id",
        "run_id",
        "client",
        "digest",
        "action",
        "target",
        "runbook",
        "pending_credentials",
        "role_definition_id",
        "user_principal_name",
        "created_date_time",
        "last_password_change_date_time",
    }
)


def masked(model: BaseModel) -> dict[str, Any]:
    """Return a model as JSON can say it, every known secret masked in its texts."""
    return with_texts(model, secret.mask)


def with_texts(model: BaseModel, change: Callable[[str], str]) -> dict[str, Any]:
    """Return a model as JSON can say it, each free text in it changed."""
    dumped = model.model_dump(mode="json")
    return {name: _field(model, name, dumped[name], change) for name in dumped}


def _field(model: BaseModel, name: str, dumped: JsonValue, change: Callable[[str], str]) -> Any:
    value, field = getattr(model, name), type(model).model_fields[name]
    if isinstance(value, BaseModel):
        return with_texts(value, change)
    if isinstance(value, list) and value and isinstance(value[0], BaseModel):
        return [with_texts(each, change) for each in value]
    is_word = get_origin(field.annotation) is Literal or isinstance(value, Enum)
    is_text = isinstance(value, str | dict | list)  # instants are text only once they are dumped
    is_kept = is_word or not is_text or _KEPT in field.metadata
    return dumped if is_kept else _tree(dumped, change)


def _tree(value: JsonValue, change: Callable[[str], str], key: str = "") -> JsonValue:
    if isinstance(value, str):
        return value if key in READ_BACK else change(value)
    if isinstance(value, dict):
        return {name: _tree(each, change, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_tree(each, change, key) for each in value]
    return value
