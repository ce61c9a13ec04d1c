"""Tests of the bases, components and overlays of kustomize."""

import shutil

import pytest

from conftest import (
    DEPLOY, ROOT, VERSIONS, assert_configuration, assert_does_not_elect, assert_elects, assert_exporter_container,
    assert_replicas_reach_each_other, assert_restricted, assert_runs, assert_selected, cargo, configuration, documents,
    exporters, of_kind, one, pod_specs, run, validate,
)  # fmt: skip

KUBERNETES = DEPLOY / "kubernetes"
BUILDS = sorted(path.parent for path in KUBERNETES.glob("*/*/kustomization.yaml") if path.parts[-3] != "components")


def build(directory):
    return documents(run("kustomize", "build", directory).stdout)


def test_every_overlay_and_sidecar_is_tested():
    names = {str(path.relative_to(KUBERNETES)) for path in BUILDS}
    overlays = {"demo", "rrsa", "sharded", "standalone"}
    assert names == {f"overlays/{name}" for name in overlays} | {"sidecar/plain", "sidecar/native"}


@pytest.mark.parametrize("directory", BUILDS, ids=lambda path: path.name)
def test_objects_are_valid_restricted_and_select_each_other(directory, tmp_path):
    objects = build(directory)
    validate(objects, tmp_path, [v for v in VERSIONS if v != "1.25" or directory.name != "native"])
    assert_selected(objects)
    assert_configuration(objects, tmp_path)
    pods = list(pod_specs(objects))
    assert sum(len(exporters(spec)) for _, _, spec in pods) == 1
    for _, _, spec in pods:
        assert_restricted(spec)
        for container in exporters(spec):
            assert_exporter_container(container)
            assert container["image"].endswith(":" + cargo("version"))


@pytest.mark.parametrize("name", ["demo", "rrsa", "sharded", "standalone"])
def test_the_namespace_enforces_the_restricted_standard(name):
    objects = build(KUBERNETES / "overlays" / name)
    namespace = one(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [found for found in objects if found["kind"] != "Namespace"]
    assert {found["metadata"]["namespace"] for found in others} == {namespace["metadata"]["name"]}


def test_the_demo_runs_with_the_arguments_of_its_manifest(tmp_path):
    assert_runs(build(KUBERNETES / "overlays/demo"), tmp_path)


def test_the_demo_needs_no_manual_step():
    objects = build(KUBERNETES / "overlays/demo")
    assert_does_not_elect(objects)
    assert one(objects, "Deployment")["spec"]["replicas"] == 1
    assert "replicas" not in configuration(objects)


@pytest.mark.parametrize("name", ["standalone", "rrsa"])
def test_two_replicas_elect_the_one_that_polls(name):
    objects = build(KUBERNETES / "overlays" / name)
    assert_elects(objects, ["appstreaming-exporter"])
    assert_replicas_reach_each_other(objects)
    replicas = configuration(objects)["replicas"]
    # The default name of the Lease is that of the Role.
    assert replicas["mode"] == "kubernetes" and "lease" not in replicas
    assert 'lease = "appstreaming-exporter"' in (ROOT / "config/full.toml").read_text()


def test_a_rollout_or_a_drained_node_keeps_a_replica():
    objects = build(KUBERNETES / "overlays/standalone")
    spec = one(objects, "Deployment")["spec"]
    assert spec["replicas"] == 2
    # A new pod is ready before an old one ends.
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert one(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    (constraint,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert (constraint["topologyKey"], constraint["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")


def test_the_documented_secret_is_the_one_that_is_mounted():
    pod = one(build(KUBERNETES / "overlays/standalone"), "Deployment")["spec"]["template"]["spec"]
    (secret,) = [v["secret"] for v in pod["volumes"] if "secret" in v]
    assert "optional" not in secret, "pods wait until the token exists"
    for file in (DEPLOY / "README.md", KUBERNETES / "base/kustomization.yaml"):
        assert f"create secret generic {secret['secretName']}" in file.read_text()
        assert '--from-literal=token="$(openssl rand -hex 16)"' in file.read_text()


def test_only_ready_replicas_respond_through_the_service_of_a_deployment():
    service = one(build(KUBERNETES / "overlays/standalone"), "Service")["spec"]
    # A replica that starts has no series of the fleet.
    assert "publishNotReadyAddresses" not in service and "clusterIP" not in service


def test_every_shard_has_a_standby_and_a_lease():
    objects = build(KUBERNETES / "overlays/sharded")
    assert not of_kind(objects, "Deployment")
    spec = one(objects, "StatefulSet")["spec"]
    env = {e["name"]: e.get("value") for e in spec["template"]["spec"]["containers"][0]["env"]}
    assert env["APPSTREAMING_EXPORTER_SHARDING__INDEX"] == "hostname"
    total = int(env["APPSTREAMING_EXPORTER_SHARDING__TOTAL"])
    assert spec["replicas"] == 2 * total
    assert_elects(objects, [*(f"appstreaming-exporter-{shard}" for shard in range(total)), "appstreaming-exporter"])
    assert_replicas_reach_each_other(objects)
    service = one(objects, "Service")
    assert service["spec"]["clusterIP"] == "None" and service["metadata"]["name"] == spec["serviceName"]


@pytest.mark.parametrize("name", ["standalone", "sharded"])
def test_the_state_can_be_in_a_volume(name, tmp_path):
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes/overlays" / name / "kustomization.yaml"
    text = file.read_text()
    if name == "sharded":
        assert "  # - ../../components/state\n" in text
    file.write_text(text.replace("  # - ../../components/state\n", "") + "  - ../../components/state\n")
    objects = build(file.parent)
    validate(objects, tmp_path)
    assert_configuration(objects, tmp_path)
    ((_, _, pod),) = pod_specs(objects)
    assert_restricted(pod)
    (container,) = exporters(pod)
    env = {e["name"]: e.get("value") for e in container["env"]}
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "state"]
    assert env["APPSTREAMING_EXPORTER_STATE__PATH"] == mount["mountPath"] + "/state"
    if name == "sharded":
        (claim,) = one(objects, "StatefulSet")["spec"]["volumeClaimTemplates"]
        assert claim["metadata"]["name"] == "state"
    else:
        assert [v for v in pod["volumes"] if v["name"] == "state"] == [{"name": "state", "emptyDir": {"sizeLimit": "1Gi"}}]


def test_rrsa_needs_the_role_and_the_namespace_label():
    objects = build(KUBERNETES / "overlays/rrsa")
    account, namespace = one(objects, "ServiceAccount"), one(objects, "Namespace")
    assert account["metadata"]["annotations"]["pod-identity.alibabacloud.com/role-name"]
    assert namespace["metadata"]["labels"]["pod-identity.alibabacloud.com/injection"] == "on"
    assert one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_only_dns_https_the_api_of_kubernetes_replicas_and_metadata_are_allowed_as_egress():
    policy = one(build(KUBERNETES / "overlays/standalone"), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    to = [(port["port"], rule.get("to")) for rule in policy["egress"] for port in rule["ports"]]
    replicas = [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "appstreaming-exporter"}}}]
    metadata = [{"ipBlock": {"cidr": "100.100.100.200/32"}}]
    assert to == [(53, None), (53, None), (443, None), (6443, None), (9877, replicas), (80, metadata)]


@pytest.mark.parametrize("name", ["plain", "native"])
def test_a_sidecar_has_no_readiness_probe_and_no_rights(name):
    objects = build(KUBERNETES / "sidecar" / name)
    assert_does_not_elect(objects)
    ((_, _, spec),) = pod_specs(objects)
    (container,) = exporters(spec)
    assert "readinessProbe" not in container
    place = "initContainers" if name == "native" else "containers"
    assert container in spec[place] and container.get("restartPolicy") == ("Always" if name == "native" else None)


@pytest.mark.parametrize("name", ["plain", "native"])
def test_the_pod_monitor_selects_sidecars(name, tmp_path):
    # The test edits the kustomization, so it uses a copy of the directory.
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes/sidecar" / name / "kustomization.yaml"
    text = file.read_text()
    file.write_text(text.replace("  # - ../../components/pod-monitor", "  - ../../components/pod-monitor"))
    objects = build(file.parent)
    validate(of_kind(objects, "PodMonitor"), tmp_path, versions=[])
    assert_selected(objects)


def test_unknown_fields_are_rejected(tmp_path):
    """Verifies the check itself: a misspelt field in a monitor or a manifest is an error."""
    objects = build(KUBERNETES / "overlays/rrsa")
    one(objects, "ServiceMonitor")["spec"]["endpoints"][0]["intervall"] = "30s"
    with pytest.raises(pytest.fail.Exception):
        validate(objects, tmp_path)
    objects = build(KUBERNETES / "overlays/standalone")
    one(objects, "Deployment")["spec"]["replica"] = 2
    with pytest.raises(pytest.fail.Exception):
        validate(objects, tmp_path)
