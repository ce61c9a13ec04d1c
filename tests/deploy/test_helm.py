"""Tests of the Helm chart, rendered by Helm."""

import base64
import shutil
import sys

import pytest
import yaml

from conftest import (
    DEPLOY, TOKEN, VERSIONS, assert_configuration, assert_does_not_elect, assert_elects, assert_exporter_container,
    assert_replicas_reach_each_other, assert_restricted, assert_runs, assert_selected, cargo, configuration, documents,
    exporters, of_kind, one, pod_specs, run, validate,
)  # fmt: skip

CHART = DEPLOY / "helm/appstreaming-exporter"
DIGEST = "sha256:" + "0123456789abcdef" * 4
VALUES = {
    "defaults": {},
    "demo": {"demo": True, "log": {"level": "debug", "format": "json"}},
    "sharded": {"mode": "sharded", "shards": 5},
    "single": {"replicaCount": 1},
    "unelected": {"replicaCount": 1, "replicas": {"enabled": False}},
    "own token": {"replicas": {"existingSecret": "shared", "secretKey": "key"}},
    "state": {"state": {"enabled": True}},
    "claims": {"mode": "sharded", "shards": 1, "state": {"enabled": True, "persistent": True, "storageClassName": "fast"}},
    "operator": {"serviceMonitor": {"enabled": True, "labels": {"release": "x"}}, "podMonitor": {"enabled": True}},
    "rrsa": {"credentials": {"rrsaRoleName": "Role.1"}, "serviceAccount": {"annotations": {"a": "b"}}},
    "bare": {
        "replicaCount": 3,
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
    values = {"config": VALUES["everything"]["config"] | {"replicas": {"allow_http": False}}}
    objects = template(tmp_path, values)
    found = configuration(objects)
    replicas = found.pop("replicas")
    assert found | {"replicas": {"allow_http": replicas["allow_http"]}} == values["config"]
    objects = template(tmp_path, values | {"replicas": {"enabled": False}, "replicaCount": 1})
    assert configuration(objects) == values["config"]
    assert_configuration(template(tmp_path, {"config": VALUES["everything"]["config"]}), tmp_path)


def test_a_changed_configuration_rolls_out(tmp_path):
    annotations = [
        one(template(tmp_path, {"config": {"poll": {"interval": interval}}}), "Deployment")["spec"]["template"]["metadata"]
        for interval in ("30s", "60s")
    ]
    assert annotations[0]["annotations"] != annotations[1]["annotations"]


def workload(objects):
    (found,) = of_kind(objects, "Deployment") + of_kind(objects, "StatefulSet")
    return found["spec"]


def test_two_replicas_elect_the_one_that_polls(tmp_path):
    objects = template(tmp_path, {})
    assert_elects(objects, ["release-appstreaming-exporter"])
    assert_replicas_reach_each_other(objects)
    replicas = configuration(objects)["replicas"]
    assert (replicas["mode"], replicas["lease"]) == ("kubernetes", "release-appstreaming-exporter")
    assert workload(objects)["replicas"] == 2


def test_a_rollout_or_a_drained_node_keeps_a_replica(tmp_path):
    objects = template(tmp_path, {})
    spec = workload(objects)
    # A new pod is ready before an old one ends.
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert one(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1 < spec["replicas"]
    (constraint,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert constraint["whenUnsatisfiable"] == "ScheduleAnyway", "a cluster with one node runs both"


@pytest.mark.parametrize("mode", ["deployment", "sharded"])
def test_only_ready_replicas_respond_through_the_service_of_a_deployment(mode, tmp_path):
    service = one(template(tmp_path, {"mode": mode}), "Service")["spec"]
    # A replica that starts has no series of the fleet.
    assert service.get("publishNotReadyAddresses", False) == (mode == "sharded")
    # A shard has only its part of the fleet, so the name of the Service stands for all addresses.
    assert service.get("clusterIP") == ("None" if mode == "sharded" else None)


def token(objects):
    return base64.b64decode(one(objects, "Secret")["data"]["token"]).decode()


def test_the_token_is_generated(tmp_path):
    # Without a cluster, "lookup" finds nothing, so every rendering generates a token.
    first, second = (token(template(tmp_path, {})) for _ in range(2))
    assert len(first) >= 32 and first != second
    objects = template(tmp_path, {})
    assert token(objects) not in yaml.safe_dump([found for found in objects if found["kind"] != "Secret"])


def test_the_documentation_names_the_secret_for_tools_that_render_without_the_cluster(tmp_path):
    text = (CHART / "README.md").read_text()
    assert "replicas.existingSecret=exporter-token" in text and "Argo CD" in text
    objects = template(tmp_path, {"replicas": {"existingSecret": "exporter-token"}})
    assert not of_kind(objects, "Secret")
    volumes = {v["name"]: v for v in workload(objects)["template"]["spec"]["volumes"]}
    secret = volumes["appstreaming-exporter-replicas"]["secret"]
    assert secret["secretName"] == "exporter-token" and secret["items"][0]["key"] == "token"
    # Nothing differs between renderings, so no tool sees a change.
    assert objects == template(tmp_path, {"replicas": {"existingSecret": "exporter-token"}})


def test_an_upgrade_keeps_the_token(tmp_path):
    # Helm calls "lookup" only with a cluster, so the test replaces its result.
    chart = shutil.copytree(CHART, tmp_path / "chart")
    secret = chart / "templates/secret.yaml"
    text = secret.read_text()
    call = 'lookup "v1" "Secret" .Release.Namespace $name'
    assert text.count(call) == 1
    stored = base64.b64encode(TOKEN.encode()).decode()
    secret.write_text(text.replace(call, f'dict "data" (dict "token" "{stored}")'))
    assert token(template(tmp_path, {}, chart)) == TOKEN


def test_a_single_replica_hands_over_in_a_rollout(tmp_path):
    objects = template(tmp_path, VALUES["single"])
    assert workload(objects)["replicas"] == 1
    assert_elects(objects, ["release-appstreaming-exporter"])


@pytest.mark.parametrize("name", ["unelected", "demo"])
def test_a_replica_without_election_needs_no_rights(name, tmp_path):
    objects = template(tmp_path, VALUES[name])
    assert_does_not_elect(objects)
    assert workload(objects)["replicas"] == 1
    assert "replicas" not in configuration(objects)


def test_several_replicas_need_the_election(tmp_path):
    rejected = template(tmp_path, {"replicas": {"enabled": False}}, check=False)
    assert rejected.returncode != 0 and "replicaCount must be 1" in rejected.stderr


def test_every_shard_has_a_standby_and_a_lease(tmp_path):
    objects = template(tmp_path, VALUES["sharded"])
    spec = workload(objects)
    env = {e["name"]: e.get("value") for e in spec["template"]["spec"]["containers"][0]["env"]}
    assert (spec["replicas"], env["APPSTREAMING_EXPORTER_SHARDING__TOTAL"]) == (10, "5")
    assert env["APPSTREAMING_EXPORTER_SHARDING__INDEX"] == "hostname"
    leases = [f"release-appstreaming-exporter-{shard}" for shard in range(5)]
    assert_elects(objects, [*leases, "release-appstreaming-exporter"])
    assert_replicas_reach_each_other(objects)
    alone = template(tmp_path, {"mode": "sharded", "shards": 4, "replicaCount": 1, "replicas": {"enabled": False}})
    assert workload(alone)["replicas"] == 4
    assert_does_not_elect(alone)


def test_a_single_shard_has_a_lease_without_a_number(tmp_path):
    objects = template(tmp_path, VALUES["claims"])
    assert workload(objects)["replicas"] == 2
    assert_elects(objects, ["release-appstreaming-exporter"])


@pytest.mark.parametrize("name", ["state", "claims"])
def test_the_state_is_in_a_volume(name, tmp_path):
    objects = template(tmp_path, VALUES[name])
    path = configuration(objects)["state"]["path"]
    spec = workload(objects)
    pod = spec["template"]["spec"]
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == path.rsplit("/", 1)[0]]
    assert not mount.get("readOnly")
    if name == "claims":
        (claim,) = spec["volumeClaimTemplates"]
        assert claim["metadata"]["name"] == mount["name"]
        assert claim["spec"]["storageClassName"] == "fast"
    else:
        (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]
        assert volume["emptyDir"] == {"sizeLimit": "1Gi"}


@pytest.mark.parametrize("mode", ["deployment", "sidecar"])
def test_pods_of_a_deployment_cannot_share_a_claim(mode, tmp_path):
    rejected = template(tmp_path, {"mode": mode, "state": {"enabled": True, "persistent": True}}, check=False)
    assert rejected.returncode != 0 and "state.persistent needs mode=sharded" in rejected.stderr


def test_monitors_scrape_every_pod_under_its_name(tmp_path):
    objects = template(tmp_path, VALUES["operator"])
    (service,) = one(objects, "ServiceMonitor")["spec"]["endpoints"]
    (pod,) = one(objects, "PodMonitor")["spec"]["podMetricsEndpoints"]
    for endpoint in (service, pod):
        assert endpoint["relabelings"] == [{"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}]


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
        ({"replicaCount": 0}, "replicaCount"),
        ({"replicas": {"secretKey": ""}}, "secretKey"),
        ({"state": {"size": "large"}}, "size"),
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
    assert "get leases" in notes


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

    own = {"mode": "sidecar", "podMonitor": {"enabled": True}, "state": {"enabled": True}}
    values = {"appstreaming-exporter": own}
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
    assert_does_not_elect(objects)
    (mount,) = [m for m in container["volumeMounts"] if m["mountPath"] == "/var/lib/appstreaming-exporter"]
    assert {"name": mount["name"], "emptyDir": {"sizeLimit": "1Gi"}} in spec["volumes"]
