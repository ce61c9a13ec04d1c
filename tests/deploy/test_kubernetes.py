"""Tests of the bases, components and overlays of kustomize."""

import pytest

from conftest import (
    DEPLOY, VERSIONS, assert_configuration, assert_exporter_container, assert_restricted, assert_runs,
    assert_selected, cargo, documents, exporters, of_kind, one, pod_specs, run, validate,
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


def test_shards_receive_the_number_of_shards():
    objects = build(KUBERNETES / "overlays/sharded")
    assert not of_kind(objects, "Deployment")
    spec = one(objects, "StatefulSet")["spec"]
    env = {e["name"]: e["value"] for e in spec["template"]["spec"]["containers"][0]["env"]}
    assert env == {
        "APPSTREAMING_EXPORTER_SHARDING__INDEX": "hostname",
        "APPSTREAMING_EXPORTER_SHARDING__TOTAL": str(spec["replicas"]),
    }
    service = one(objects, "Service")
    assert service["spec"]["clusterIP"] == "None" and service["metadata"]["name"] == spec["serviceName"]


def test_rrsa_needs_the_role_and_the_namespace_label():
    objects = build(KUBERNETES / "overlays/rrsa")
    account, namespace = one(objects, "ServiceAccount"), one(objects, "Namespace")
    assert account["metadata"]["annotations"]["pod-identity.alibabacloud.com/role-name"]
    assert namespace["metadata"]["labels"]["pod-identity.alibabacloud.com/injection"] == "on"
    assert one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == account["metadata"]["name"]


def test_only_dns_https_and_metadata_are_allowed_as_egress():
    policy = one(build(KUBERNETES / "overlays/standalone"), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 443, 80]
    assert policy["egress"][2]["to"] == [{"ipBlock": {"cidr": "100.100.100.200/32"}}]


@pytest.mark.parametrize("name", ["plain", "native"])
def test_a_sidecar_has_no_readiness_probe(name):
    ((_, _, spec),) = pod_specs(build(KUBERNETES / "sidecar" / name))
    (container,) = exporters(spec)
    assert "readinessProbe" not in container
    place = "initContainers" if name == "native" else "containers"
    assert container in spec[place] and container.get("restartPolicy") == ("Always" if name == "native" else None)


@pytest.mark.parametrize("name", ["plain", "native"])
def test_the_pod_monitor_selects_sidecars(name, tmp_path):
    # The test edits the kustomization, so it uses a copy of the directory.
    import shutil

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
