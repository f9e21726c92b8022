"""A new client's file, from what was filled into a form.

- What is filled in becomes the text of a file, and that text is judged as every client file is: the
  same rules, the same sentences. Nothing is written before it is right.
- A file that is there is never written over, also where two people make the same one at once.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # papermill brings it, without types

from o365lib import clock
from o365lib.desk.client_form import FIELDS
from o365lib.errors import ParametersError, Problem, UsageError
from o365lib.evidence.files import create_atomically
from o365lib.evidence.record import Operator
from o365lib.parameters import Client, check_new_client
from o365lib.places import Places

_LONGEST = 2000


def make_client(places: Places, filled_in: Mapping[str, Any]) -> Client:
    """Write a new client's file, and return the client.

    Args:
        places: the project's.
        filled_in: texts, and true or false, by the names of the form's fields; what is empty is
            left out.

    Raises:
        ParametersError: something is wrong, or there is such a client; nothing was written.
        UsageError: it is no form of ours, or the file cannot be written.
    """
    content = _content(filled_in)
    name = str(content.get("client", ""))
    text = _text(content)
    with tempfile.TemporaryDirectory(prefix="o365-client-") as folder:
        draft = Path(folder) / "new-client.yaml"
        draft.write_text(text, "utf-8")
        client = check_new_client(places.parameters, name, draft, project=places.project)
    file = places.parameters / "clients" / f"{client.client}.yaml"
    try:
        file.parent.mkdir(exist_ok=True)
        create_atomically(file, text.encode())
    except FileExistsError as error:
        raise ParametersError([_taken(client.client)]) from error
    except OSError as error:
        raise UsageError(
            f"The client's file cannot be written ({error.strerror or error}).",
            remedy=f"Give yourself the right, and the room, to write in {file.parent}.",
        ) from error
    return client


def _taken(name: str) -> Problem:
    return Problem(f"{name}.yaml", 1, 1, "client", "has a file already; it was left as it is")


def _content(filled_in: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    names = [field.name for field in FIELDS]
    for name in names:
        value = filled_in.get(name)
        if isinstance(value, str):
            value = value.strip()
        if value in (None, "", False):
            continue
        if value is not True and (not isinstance(value, str) or len(value) > _LONGEST):
            raise UsageError(f"The form's field {name} holds no text.", remedy="Fill it in again.")
        inner = content
        *path, last = name.split(".")
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    if unknown := sorted(set(filled_in) - set(names)):
        raise UsageError(
            f"The form has no field {unknown[0]!r}.", remedy="Load the page again and fill it in."
        )
    return content


def _text(content: Mapping[str, Any]) -> str:
    operator = Operator.here()
    made = f"# Made at the desk by {operator.user_name or 'somebody'} on {clock.now().date()}."
    said = "# docs/client-files.md explains every key."
    body: str = yaml.safe_dump(
        dict(content), sort_keys=False, allow_unicode=True, default_flow_style=False, width=1000
    )
    return f"{''.join(each for each in made if each.isprintable())}\n{said}\n{body}"
