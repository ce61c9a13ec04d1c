#!/usr/bin/env python3
"""Generates dashboards/*.json: `generate.py [DIRECTORY]`.

Needs requirements.txt. `just observability` fails if the files and the code differ.
"""

import os
import sys
from pathlib import Path

import exporter
import fleet
import group
from grafana_foundation_sdk.cog.encoder import JSONEncoder

# Address of the runbook. Set it to the address of your copy before you generate the dashboards.
RUNBOOK = os.environ.get("RUNBOOK_URL", "docs/runbook.md")


def main():
    here = Path(__file__).parent
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "dashboards"
    directory.mkdir(parents=True, exist_ok=True)
    for part in (fleet, group, exporter):
        built = part.build(RUNBOOK).build()
        text = JSONEncoder(sort_keys=True, indent=2).encode(built)
        (directory / f"{built.uid}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
