"""The desk's own pages and answers, in Jupyter's server and behind its token.

    /o365/                                   the start page
    /o365/static/...                         its script and styles
    /o365/api/desk, clients, copies          what it shows and asks for
    /o365/open?runbook=...&client=...        makes a working copy, and leads to it
    /o365/runs/<client>/<run id>/            the report of an archived run, made now
    /o365/runs/<client>/<run id>/record.json its record

- Every answer wants Jupyter's token or cookie; what writes a client file wants Jupyter's token
  against forged requests as well.
- A GET changes nothing but the session's own folder: `open` makes a working copy there, which is
  there already the next time.

https://jupyter-server.readthedocs.io/en/latest/developers/extensions.html
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jupyter_server.base.handlers import AuthenticatedFileHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from o365lib.desk import client_file, clients
from o365lib.desk.working_copies import Session
from o365lib.errors import ParametersError, RunbookError, UsageError
from o365lib.evidence.archive import Archive
from o365lib.places import CLIENT_VARIABLE, SANDBOX_VARIABLE, Places

_PAGES = Path(__file__).parent / "pages"
# Nothing from elsewhere, and no script but the desk's own file.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'"
    " data:; frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
)
# A report has its styles within it, and no script at all.
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"

T = TypeVar("T")


class _DeskHandler(JupyterHandler):
    """What the desk's handlers have in common.

    Attributes:
        places: the project's.
        session: the session's folder.
    """

    def initialize(self, places: Places, session: Session) -> None:
        self.places, self.session = places, session

    @property
    def content_security_policy(self) -> str:
        return _POLICY

    async def beside(self, act: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Do what takes time in a thread, so that kernels are heard meanwhile."""
        return await asyncio.to_thread(act, *arguments, **named)

    def answer(self, content: Any, *, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(content, ensure_ascii=False))

    def refuse(self, error: RunbookError, *, status: int = 400) -> None:
        problems = clients.problems_of(error) if isinstance(error, ParametersError) else []
        self.answer(
            {"message": error.message, "remedy": error.remedy, "problems": problems}, status=status
        )

    def body(self) -> Mapping[str, Any]:
        try:
            content = json.loads(self.request.body or b"{}")
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise web.HTTPError(400, "The request holds no JSON object.")
        return content

    def open_copy(self, asked: Mapping[str, Any]) -> str:
        """Make or find a working copy, and return its address.

        Raises:
            RunbookError: it cannot be made; nothing was.
        """
        values = {name: asked.get(name) or "" for name in ("runbook", "client", "ticket")}
        if not all(isinstance(value, str) for value in values.values()):
            raise UsageError("Runbook, client and ticket are texts.", remedy="Choose again.")
        client = clients.read_client(self.places, values["client"]) if values["client"] else None
        path = self.session.open(
            values["runbook"],
            client,
            ticket=values["ticket"].strip(),
            dry_run=asked.get("dry_run") is True,
        )
        return url_path_join(self.base_url, "lab", "tree", quote(path))


class StartHandler(_DeskHandler):
    """The start page."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the page; the page fetches what it shows."""
        # Asked for here, so that the cookie against forged requests is set.
        _ = self.xsrf_token
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish((_PAGES / "start.html").read_bytes())


class DeskApiHandler(_DeskHandler):
    """What the start page needs to know first."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with the runbooks, this session's copies, and what the form offers."""
        try:
            form = await self.beside(clients.read_form, self.places)
        except ParametersError as error:
            self.refuse(error)
            return
        copies = [
            {**asdict(each), "url": url_path_join(self.base_url, "lab", "tree", quote(each.path))}
            for each in await self.beside(self.session.copies)
        ]
        self.answer(
            {
                "runbooks": [asdict(each) for each in await self.beside(self.session.runbooks)],
                "copies": copies,
                "form": form,
                "client": os.environ.get(CLIENT_VARIABLE, ""),
                "sandbox": bool(os.environ.get(SANDBOX_VARIABLE)),
                "lab": url_path_join(self.base_url, "lab"),
            }
        )


class ClientsApiHandler(_DeskHandler):
    """The clients: all of them, and a new one."""

    @web.authenticated
    async def get(self) -> None:
        """Answer with every client."""
        try:
            self.answer({"clients": await self.beside(clients.read_clients, self.places)})
        except RunbookError as error:
            self.refuse(error)

    @web.authenticated
    async def post(self) -> None:
        """Make a client's file."""
        try:
            made = await self.beside(client_file.make_client, self.places, self.body())
        except RunbookError as error:
            self.refuse(error)
        else:
            self.answer({"client": made.client}, status=201)


class CopiesApiHandler(_DeskHandler):
    """Working copies."""

    @web.authenticated
    async def post(self) -> None:
        """Make a working copy, or find the one that is there."""
        try:
            self.answer({"url": await self.beside(self.open_copy, self.body())}, status=201)
        except RunbookError as error:
            self.refuse(error)


class OpenHandler(_DeskHandler):
    """A link to a runbook for a client, as the overview has them."""

    @web.authenticated
    async def get(self) -> None:
        """Lead to the working copy, or back to the start page with what is wrong."""
        asked = {
            name: self.get_query_argument(name, "") for name in ("runbook", "client", "ticket")
        }
        try:
            self.redirect(await self.beside(self.open_copy, asked))
        except RunbookError as error:
            self.set_status(400)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(str(error))


class RunHandler(_DeskHandler):
    """An archived run: its report, and its record."""

    @property
    def content_security_policy(self) -> str:
        """What a report may load: nothing."""
        return _REPORT_POLICY

    @web.authenticated
    async def get(self, client: str, run_id: str, name: str) -> None:
        """Answer with the run's report, or with its record as it lies in the archive."""
        try:
            run = Archive(self.places.evidence).run(client, run_id)
            if not run.exists():
                raise web.HTTPError(404, "There is no such run.")
            if name:
                self.set_header("Content-Type", "application/json; charset=utf-8")
                content = await self.beside(run.record_file.read_bytes)
            else:
                self.set_header("Content-Type", "text/html; charset=utf-8")
                content = (await self.beside(_report, self.places, client, run_id)).encode()
        except (RunbookError, OSError) as error:
            raise web.HTTPError(404, "There is no such run that can be read.") from error
        self.set_header("Cache-Control", "no-store")
        self.finish(content)


def _report(places: Places, client: str, run_id: str) -> str:
    from o365lib.reports import run_page
    from o365lib.reports.html import render
    from o365lib.reports.reading import archived_run
    from o365lib.reports.seals import Seals

    archive = Archive(places.evidence)
    run = archived_run(archive.run(client, run_id), Seals(archive, client=client))
    # Files are told by name and digest; only the record is served.
    return render(run_page.page(run, address_of=lambda path: path.name))


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(application: Any) -> None:
    """Add the desk's handlers to Jupyter's server."""
    web_application = application.web_app
    places = Places.find()
    own = {"places": places, "session": Session(Path(application.root_dir), places)}
    base = url_path_join(web_application.settings["base_url"], "o365")
    pages: list[tuple[str, Any, dict[str, Any]]] = [
        (url_path_join(base, r"/?"), StartHandler, own),
        (url_path_join(base, "api/desk"), DeskApiHandler, own),
        (url_path_join(base, "api/clients"), ClientsApiHandler, own),
        (url_path_join(base, "api/copies"), CopiesApiHandler, own),
        (url_path_join(base, "open"), OpenHandler, own),
        (
            url_path_join(base, r"runs/([a-z0-9-]+)/([0-9A-Za-z-]+)/(record\.json)?"),
            RunHandler,
            own,
        ),
        (
            url_path_join(base, r"static/(start\.(?:js|css))"),
            AuthenticatedFileHandler,
            {"path": str(_PAGES)},
        ),
    ]
    web_application.add_handlers(".*$", pages)
