"""Write the schemas in `docs/` from the models, or with `--check` compare them."""  # noqa: INP001 -- a script, no package

import json
import sys
from pathlib import Path

from o365lib.evidence import record
from o365lib.reports.run_row import Report

DOCS = Path(__file__).resolve().parent.parent / "docs"

SCHEMAS = {
    "record.schema.json": record.schema(),
    "report.schema.json": Report.model_json_schema(mode="serialization"),
}


def main(arguments: list[str]) -> int:
    """Write the files, or compare them; return the exit status."""
    status = 0
    for name, schema in SCHEMAS.items():
        file, wanted = DOCS / name, json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        if "--check" not in arguments:
            file.write_text(wanted, "utf-8", newline="\n")
        elif not file.is_file() or file.read_text("utf-8") != wanted:
            sys.stderr.write(f"docs/{name} is out of step: run tools/write_record_schema.py.\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
