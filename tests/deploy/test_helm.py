"""The Helm chart, rendered as Helm renders it."""

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


def test_the_chart_has_nothing_to_find_fault_with():
    run("helm", "lint", "--strict", "--quiet", CHART)


def test_what_is_derived_is_up_to_date():
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


def test_the_demo_runs_as_its_manifest_says(tmp_path):
    assert_runs(template(tmp_path, VALUES["demo"]), tmp_path)


def test_a_configuration_reaches_the_exporter_which_finds_it_good(tmp_path):
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


def test_shards_know_how_many_they_are(tmp_path):
    spec = one(template(tmp_path, VALUES["sharded"]), "StatefulSet")["spec"]
    env = {e["name"]: e["value"] for e in spec["template"]["spec"]["containers"][0]["env"]}
    assert (spec["replicas"], env["APPSTREAMING_EXPORTER_SHARDING__TOTAL"]) == (5, "5")


def test_a_role_is_named_on_the_service_account(tmp_path):
    account = one(template(tmp_path, VALUES["rrsa"]), "ServiceAccount")
    assert account["metadata"]["annotations"] == {"pod-identity.alibabacloud.com/role-name": "Role.1", "a": "b"}


def test_a_digest_beats_the_tag(tmp_path):
    spec = one(template(tmp_path, VALUES["everything"]), "StatefulSet")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == f"r.example/appstreaming-exporter@{DIGEST}"
    assert "optional" not in spec["containers"][0]["envFrom"][0]["secretRef"], "a secret that was named must be there"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mode": "both"}, "mode"),
        ({"shard": 3}, "shard"),
        ({"shards": 0}, "shards"),
        ({"config": {"pol": {}}}, "pol"),
        ({"serviceMonitor": {"interval": "soon"}}, "interval"),
        ({"image": {"digest": "latest"}}, "digest"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(values, said, tmp_path):
    refused = template(tmp_path, values, check=False)
    assert refused.returncode != 0 and said in refused.stderr


@pytest.mark.parametrize("name", ["defaults", "rrsa", "sharded"])
def test_the_notes_say_what_to_do_next(name, tmp_path):
    # Helm shows them only where there is a cluster: they are rendered as if they were an object's text.
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
def test_another_chart_takes_it_as_a_sidecar(native, tmp_path):
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
