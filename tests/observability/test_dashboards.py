"""Tests that the JSON of the dashboards agrees with the code and with the types of the SDK."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))


def test_files_and_code_agree(tmp_path):
    subprocess.run([sys.executable, GRAFANA / "generate.py", tmp_path], check=True, env={"PYTHONDONTWRITEBYTECODE": "1"})
    generated = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    committed = {file.name: file.read_text(encoding="utf-8") for file in FILES}
    assert len(committed) == 3
    assert generated == committed, "run deploy/grafana/generate.py and commit the files"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_sdk_reads_and_writes_it_unchanged(file):
    text = json.loads(file.read_text(encoding="utf-8"))
    again = JSONEncoder(sort_keys=True).encode(Dashboard.from_json(text))
    assert json.loads(again) == text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_fill_the_width_and_do_not_overlap(file):
    taken = set()
    for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    rows = [panel["title"] for panel in json.loads(file.read_text(encoding="utf-8"))["panels"] if panel["type"] == "row"]
    assert rows[0] in ("Problems", "State"), "problems first"


def test_provisioning_files_are_valid():
    for file in GRAFANA.glob("provisioning/*/*.yaml"):
        assert yaml.safe_load(file.read_text(encoding="utf-8"))["apiVersion"] == 1
