"""Tests of the Helm chart, rendered by Helm."""

import shutil
import sys

import pytest
import yaml

from conftest import (
    DEPLOY, VERSIONS, assert_configuration, assert_exporter_container, assert_restricted, assert_runs,
    assert_selected, cargo, documents, exporters, of_kind, one, pod_specs, run, validate,
)  # fmt: skip

CHART = DEPLOY / "helm/appstreaming-exporter"
DIGEST = "sha256:" + "0123456789abcdef" * 4
VALUES = {
    "defaults": {},
    "demo": {"demo": True, "log": {"level": "debug", "format": "json"}},
    "sharded": {"mode": "sharded", "shards": 5},
    "operator": {"serviceMonitor": {"enabled": True, "labels": {"release": "x"}}, "podMonitor": {"enabled": True}},
    "rrsa": {"credentials": {"rrsaRoleName": "Role.1"}, "serviceAccount": {"annotations": {"a": "b"}}},
    "bare": {
        "serviceAccount": {"create": False, "name": "mine"},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    },
    "everything": {
        "mode": "sharded",
        "config": {"poll": {"interval": "30s"}, "accounts": [{"name": "a", "filter": {"tags": {"k": "v"}}}]},
        "credentials": {"existingSecret": "keys"},
        "image": {"repository": "r.example/appstreaming-exporter", "digest": DIGEST, "pullSecrets": ["p"]},
        "extraArgs": ["--set=api.max_retries=1"],
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "networkPolicy": {"fromNamespaces": ["a", "b"], "extraEgress": [{"ports": [{"port": 3128}]}]},
        "service": {"port": 80, "annotations": {"prometheus.io/scrape": "true"}},
        "podLabels": {"team": "streaming"},
        "podAnnotations": {"team": "streaming"},
        "nodeSelector": {"kubernetes.io/arch": "arm64"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "fullnameOverride": "fleet",
    },
}


def template(directory, values, chart=CHART, check=True):
    file = directory / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = run("helm", "template", "release", chart, "--namespace", "apps", "--values", file, check=check)
    return documents(done.stdout) if check else done


def test_helm_lint_accepts_the_chart():
    run("helm", "lint", "--strict", "--quiet", CHART)


def test_derived_files_are_up_to_date():
    run(sys.executable, DEPLOY / "sync", "--check")
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == cargo("version")


@pytest.mark.parametrize("name", VALUES)
def test_objects_are_valid_restricted_and_select_each_other(name, tmp_path):
    objects = template(tmp_path, VALUES[name])
    validate(objects, tmp_path)
    assert_selected(objects)
    pods = list(pod_specs(objects))
    assert [len(exporters(spec)) for _, _, spec in pods] == [1, 1], "the exporter and its test"
    for _, _, spec in pods:
        assert_restricted(spec)
    (container,) = exporters(pods[0][2])
    assert_exporter_container(container)
    assert "readinessProbe" in container
    if name != "everything":
        assert_configuration(objects, tmp_path)


def test_the_demo_runs_with_the_arguments_of_its_manifest(tmp_path):
    assert_runs(template(tmp_path, VALUES["demo"]), tmp_path)


def test_a_configuration_reaches_the_exporter_and_is_valid(tmp_path):
    values = {"config": VALUES["everything"]["config"]}
    objects = template(tmp_path, values)
    assert yaml.safe_load(one(objects, "ConfigMap")["data"]["config.yaml"]) == values["config"]
    assert_configuration(objects, tmp_path)


def test_a_changed_configuration_rolls_out(tmp_path):
    annotations = [
        one(template(tmp_path, {"config": {"poll": {"interval": interval}}}), "Deployment")["spec"]["template"]["metadata"]
        for interval in ("30s", "60s")
    ]
    assert annotations[0]["annotations"] != annotations[1]["annotations"]


def test_shards_receive_the_number_of_shards(tmp_path):
    spec = one(template(tmp_path, VALUES["sharded"]), "StatefulSet")["spec"]
    env = {e["name"]: e["value"] for e in spec["template"]["spec"]["containers"][0]["env"]}
    assert (spec["replicas"], env["APPSTREAMING_EXPORTER_SHARDING__TOTAL"]) == (5, "5")


def test_the_role_is_an_annotation_of_the_service_account(tmp_path):
    account = one(template(tmp_path, VALUES["rrsa"]), "ServiceAccount")
    assert account["metadata"]["annotations"] == {"pod-identity.alibabacloud.com/role-name": "Role.1", "a": "b"}


def test_a_digest_takes_precedence_over_the_tag(tmp_path):
    spec = one(template(tmp_path, VALUES["everything"]), "StatefulSet")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == f"r.example/appstreaming-exporter@{DIGEST}"
    assert "optional" not in spec["containers"][0]["envFrom"][0]["secretRef"], "a configured secret must exist"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"mode": "both"}, "mode"),
        ({"shard": 3}, "shard"),
        ({"shards": 0}, "shards"),
        ({"config": {"pol": {}}}, "pol"),
        ({"serviceMonitor": {"interval": "soon"}}, "interval"),
        ({"image": {"digest": "latest"}}, "digest"),
    ],
)
def test_invalid_values_are_rejected_by_name(values, expected, tmp_path):
    rejected = template(tmp_path, values, check=False)
    assert rejected.returncode != 0 and expected in rejected.stderr


@pytest.mark.parametrize("name", ["defaults", "rrsa", "sharded"])
def test_the_notes_contain_the_next_steps(name, tmp_path):
    # Helm shows notes only with a cluster, so the test renders them as the text of an object.
    chart = shutil.copytree(CHART, tmp_path / "chart")
    notes = chart / "templates/NOTES.txt"
    (chart / "templates/_notes.tpl").write_text('{{ define "notes" }}' + notes.read_text() + "{{ end }}")
    notes.unlink()
    (chart / "templates/notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | quote }}\n')
    notes = one(template(tmp_path, VALUES[name], chart), "Notes")["text"]
    assert "port-forward service/release-appstreaming-exporter 9877:9877" in notes
    assert ("kubectl label namespace" in notes) == (name == "rrsa")
    assert "statefulset/" in notes if name == "sharded" else "statefulset/" not in notes


PARENT = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  selector:
    matchLabels: {app: app}
  template:
    metadata:
      labels:
        app: app
        {{- include "appstreaming-exporter.sidecarLabels" (index .Subcharts "appstreaming-exporter") | nindent 8 }}
    spec:
      containers:
        - name: app
          image: app:1
        PLAIN
      initContainers:
        NATIVE
      volumes:
        {{- include "appstreaming-exporter.volumes" (index .Subcharts "appstreaming-exporter") | nindent 8 }}
"""


@pytest.mark.parametrize("native", [False, True])
def test_another_chart_can_include_the_sidecar(native, tmp_path):
    call = '{{- include "appstreaming-exporter.%s" (index .Subcharts "appstreaming-exporter") | nindent 8 }}'
    parent = tmp_path / "parent"
    (parent / "templates").mkdir(parents=True)
    text = PARENT.replace("PLAIN", "" if native else call % "sidecar")
    text = text.replace("NATIVE", call % "nativeSidecar" if native else "[]")
    (parent / "templates/app.yaml").write_text(text)
    dependency = {"name": "appstreaming-exporter", "version": cargo("version"), "repository": f"file://{CHART}"}
    chart = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(chart))
    run("helm", "dependency", "build", parent)

    values = {"appstreaming-exporter": {"mode": "sidecar", "podMonitor": {"enabled": True}}}
    objects = template(tmp_path, values, parent)
    assert sorted(found["kind"] for found in objects) == ["ConfigMap", "Deployment", "PodMonitor"]
    validate(objects, tmp_path, [v for v in VERSIONS if v != "1.25" or not native])
    assert_selected(objects)
    assert_configuration(objects, tmp_path)
    ((_, _, spec),) = pod_specs(objects)
    (container,) = exporters(spec)
    assert_exporter_container(container)
    assert "readinessProbe" not in container
    assert (container in spec["initContainers"]) == native
    assert not of_kind(objects, "Service")
