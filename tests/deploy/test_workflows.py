"""Workflows of GitHub: checked without GitHub."""

import re

import pytest
import yaml

from conftest import ROOT, cargo, run

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_actionlint_finds_nothing():
    run("actionlint", *WORKFLOWS)


def test_zizmor_finds_nothing():
    run("zizmor", "--offline", "--no-progress", ROOT / ".github")


def test_schemas_are_followed():
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github/dependabot.yml")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_permissions_are_the_least(workflow):
    parsed = yaml.safe_load(workflow.read_text())
    assert parsed["permissions"] == {"contents": "read"}, "anything more is a job's own"
    for name, job in parsed["jobs"].items():
        granted = job.get("permissions", {})
        assert granted.get("contents") != "write" or name == "publish"
        assert granted.get("packages") != "write" or name == "image"
        assert "timeout-minutes" in job
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_and_say_which_version_that_is(workflow):
    for action in re.findall(r"uses: (.+)", workflow.read_text()):
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_the_compiler_is_the_one_that_the_package_asks_for():
    wanted = cargo("rust-version")
    for file in [*WORKFLOWS, ROOT / "deploy/docker/Dockerfile"]:
        for version in re.findall(r"(?:RUST: \"|default-toolchain |library/rust:)(\d+\.\d+)", file.read_text()):
            assert version == wanted, file


def test_files_that_workflows_name_are_there():
    text = "".join(file.read_text() for file in WORKFLOWS)
    for path in ("deploy/docker/Dockerfile", "deploy/helm/appstreaming-exporter", "deploy/sync", ".ci/run", "tests/deploy/run"):
        assert path in text and (ROOT / path).exists(), path
