import io
import json
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from o365lib.reports.json_text import JsonWriter
from o365lib.reports.report import Wanted, walk
from o365lib.reports.run_row import Report
from tests.reports.examples import HOSTILE, NOW, Told, creation, record, refusal, write

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"


def written(archive, **wanted) -> str:
    stream = io.StringIO()
    asked = Wanted(archive=archive, now=NOW, **wanted)
    with closing(JsonWriter(stream, asked)) as writer:
        walk(asked, [writer], seals=Told())
    return stream.getvalue()


@pytest.mark.parametrize(
    "records",
    [
        [],
        [creation()],
        [creation(reason=HOSTILE + '"\\\u2028ü'), refusal(), record(90)],
    ],
)
def test_the_document_fits_its_schema_whatever_there_is(tmp_path, records):
    archive = write(tmp_path, *records)
    archive.root.mkdir(exist_ok=True)
    text = written(archive)
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text("utf-8")))
    report = Report.model_validate_json(text)
    assert [row.run_id for row in report.runs] == [each.run_id for each in records]
    assert [row.reason for row in report.runs] == [each.reason for each in records]
    assert sum(report.counts.values()) == len(records)
    assert (report.made, report.evidence) == (NOW, str(archive.root))


def test_it_names_what_was_asked_for_and_the_accounts_that_stand(tmp_path):
    other = creation(5).model_copy(update={"client": "bayside-legal"})
    report = Report.model_validate_json(written(write(tmp_path, creation(), other)))
    assert [row.client for row in report.standing] == ["alpine-books", "bayside-legal"]
    asked = {"client": "bayside-legal", "since": NOW}
    report = Report.model_validate_json(written(write(tmp_path / "2", creation(), other), **asked))
    assert (report.client, report.since) == ("bayside-legal", NOW)
    assert [row.client for row in report.runs] == ["bayside-legal"]
