"""Tests of the workflows of GitHub, without GitHub."""

import re

import pytest
import yaml

from conftest import ROOT, cargo, run

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def test_actionlint_accepts_the_workflows():
    run("actionlint", *WORKFLOWS)


def test_zizmor_accepts_the_workflows():
    run("zizmor", "--offline", "--no-progress", ROOT / ".github")


def test_files_are_valid_under_their_schemas():
    run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github/dependabot.yml")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_permissions_are_minimal(workflow):
    parsed = yaml.safe_load(workflow.read_text())
    assert parsed["permissions"] == {"contents": "read"}, "only a job may have more"
    for name, job in parsed["jobs"].items():
        granted = job.get("permissions", {})
        assert granted.get("contents") != "write" or name == "publish"
        assert granted.get("packages") != "write" or name == "image"
        assert "timeout-minutes" in job
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_the_version_as_a_comment(workflow):
    for action in re.findall(r"uses: (.+)", workflow.read_text()):
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_the_compiler_has_the_rust_version_of_the_package():
    wanted = cargo("rust-version")
    for file in [*WORKFLOWS, ROOT / "deploy/docker/Dockerfile"]:
        for version in re.findall(r"(?:RUST: \"|default-toolchain |library/rust:)(\d+\.\d+)", file.read_text()):
            assert version == wanted, file


def test_every_shipped_build_can_use_a_lease():
    files = [ROOT / "justfile", ROOT / "tests/deploy/build", ROOT / "deploy/docker/Dockerfile", *WORKFLOWS]
    builds = [line for file in files for line in file.read_text().splitlines() if "--profile dist" in line]
    builds = [line for line in builds if "cargo build" in line]
    assert len(builds) == 4 and not any("--no-default-features" in line for line in builds)


def test_files_in_workflows_exist():
    text = "".join(file.read_text() for file in WORKFLOWS)
    for path in ("deploy/docker/Dockerfile", "deploy/helm/appstreaming-exporter", "deploy/sync", ".ci/run", "tests/deploy/run"):
        assert path in text and (ROOT / path).exists(), path
