"""Tests that the dashboards agree with their code and the SDK's types, and that their queries are valid."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

GRAFANA = Path(__file__).parents[2] / "deploy" / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))


def panels(file):
    return json.loads(file.read_text(encoding="utf-8"))["panels"]


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
def test_panels_fill_the_width_and_neither_overlap_nor_leave_gaps(file):
    taken = set()
    for panel in panels(file):
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    height = max(y for _, y in taken) + 1
    assert taken == {(x, y) for x in range(24) for y in range(height)}
    rows = [panel["title"] for panel in panels(file) if panel["type"] == "row"]
    assert rows[0] in ("Problems", "State"), "problems first"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_descriptions_are_sentences(file):
    for panel in panels(file):
        if panel["type"] != "row":
            assert re.fullmatch(r"[A-Z0-9].*[^.]\.", panel["description"]), panel["title"]
            assert ";" not in panel["description"], panel["title"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_queries_are_valid_promql(file, tmp_path):
    queries = [target["expr"].replace("$__rate_interval", "1m") for panel in panels(file) for target in panel.get("targets", [])]
    rules = [{"record": f"dashboard:query:{number}", "expr": query} for number, query in enumerate(queries)]
    written = tmp_path / "queries.yml"
    written.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}), encoding="utf-8")
    checked = subprocess.run(["promtool", "check", "rules", written], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_of_seconds_and_ratios_have_a_unit(file):
    for panel in panels(file):
        expressions = [target["expr"] for target in panel.get("targets", [])]
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
        if panel["type"] in ("row", "table", "state-timeline"):
            continue
        if any(query.startswith(("time() - ", "histogram_quantile(")) for query in expressions):
            assert unit == "s", panel["title"]
        if all(re.match(r"(max\()?(group|node_pool):appstreaming_\w+:(min_)?ratio", query) for query in expressions):
            assert unit == "percentunit", panel["title"]


def test_every_verdict_has_a_text():
    """A verdict without a text would be shown as below the threshold, or not at all."""
    source = (GRAFANA.parents[1] / "src" / "fleet" / "capacity.rs").read_text(encoding="utf-8")
    known = set(re.findall(r'Self::\w+ => "([a-z_]+)"', source.split("impl Verdict")[1].split("\n}\n")[0]))
    assert len(known) >= 5
    found = 0
    for file in FILES:
        for panel in panels(file):
            for target in panel.get("targets", []):
                queried = re.findall(r'verdict="([a-z_]+)"[^}]*\} \* \d', target["expr"])
                if not queried:
                    continue
                found += 1
                assert set(queried) == known, panel["title"]
                config = panel["fieldConfig"]
                mappings = list(config["defaults"].get("mappings", []))
                for override in config.get("overrides", []):
                    mappings += [mapping for change in override["properties"] if change["id"] == "mappings" for mapping in change["value"]]
                texts = [mapping["options"] for mapping in mappings if mapping["type"] == "value"]
                assert [sorted(options) for options in texts] == [[str(number) for number in range(len(known))]], panel["title"]
    assert found == 4, "the table and the history of the fleet, the state and the history of the group"


def test_a_missing_value_has_no_colour():
    """By default it has the colour of the lowest threshold: a group without an expiry time would be red."""
    for file in FILES:
        for panel in panels(file):
            if panel["type"] == "stat" and panel["options"]["colorMode"] == "background":
                assert "null+nan" in json.dumps(panel["fieldConfig"]["defaults"]["mappings"]), panel["title"]
            for override in panel.get("fieldConfig", {}).get("overrides", []):
                if "color-background" in json.dumps(override):
                    assert "null+nan" in json.dumps(override), panel["title"]


def test_provisioning_files_are_valid():
    for file in GRAFANA.glob("provisioning/*/*.yaml"):
        assert yaml.safe_load(file.read_text(encoding="utf-8"))["apiVersion"] == 1
