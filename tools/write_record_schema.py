"""Write `docs/record.schema.json` from the record's models, or with `--check` compare it."""  # noqa: INP001 -- a script, no package

import json
import sys
from pathlib import Path

from o365lib.evidence import record

FILE = Path(__file__).resolve().parent.parent / "docs" / "record.schema.json"


def main(arguments: list[str]) -> int:
    """Write the file, or compare it; return the exit status."""
    wanted = json.dumps(record.schema(), indent=2, ensure_ascii=False) + "\n"
    if "--check" not in arguments:
        FILE.write_text(wanted, "utf-8", newline="\n")
        return 0
    if FILE.is_file() and FILE.read_text("utf-8") == wanted:
        return 0
    sys.stderr.write("docs/record.schema.json is out of step: run tools/write_record_schema.py.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
