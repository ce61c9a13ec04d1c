"""Helpers of the tests of deploy/: running programs, and inspecting manifests."""

import base64
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
BINARY = os.environ.get("BINARY", str(ROOT / "target/deploy/dist/appstreaming-exporter"))
# Whether BINARY is the shipped build.
SHIPPED = bool(os.environ.get("SHIPPED"))
# Kubernetes versions whose schemas the manifests are validated against: the oldest one still in
# use, and newer ones.
VERSIONS = ["1.25", "1.29", "1.33", "1.37"]
# The token of replicas, where the operator creates the Secret.
TOKEN = "0123456789abcdef0123456789abcdef"


def run(*command, check=True, **options):
    """Runs a program to its end and captures its output as text."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    if check and done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(objects, kind):
    return [found for found in objects if found["kind"] == kind]


def one(objects, kind):
    (found,) = of_kind(objects, kind)
    return found


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, check, seconds=30):
    """Repeats a check and returns its first result that is not None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = check()
        if result is not None:
            return result
        time.sleep(0.05)
    pytest.fail(f"timed out after {seconds} s: {what}")


def status(url):
    """Returns the status of a response, None without a response."""
    try:
        return urllib.request.urlopen(url, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def environment(extra):
    """Returns the environment of this process without settings for an exporter or a cloud."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("APPSTREAMING_EXPORTER_", "ALIBABA_CLOUD_"))}
    return kept | extra


@contextlib.contextmanager
def process(*command, env=None, log):
    """Runs a program during the block. It must exit with status 0 on SIGTERM."""
    with open(log, "w") as output:
        running = subprocess.Popen(
            [str(part) for part in command], env=environment(env or {}), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield running
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0, pathlib.Path(log).read_text()
    except BaseException:
        print(pathlib.Path(log).read_text())
        raise
    finally:
        running.kill()
        running.wait()


def pod_specs(objects):
    """Yields name, labels and spec of every pod that the objects create."""
    for found in objects:
        if found["kind"] in ("Deployment", "StatefulSet"):
            template = found["spec"]["template"]
            yield found["metadata"]["name"], template["metadata"]["labels"], template["spec"]
        elif found["kind"] == "Pod":
            yield found["metadata"]["name"], found["metadata"].get("labels", {}), found["spec"]


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def exporters(spec):
    return [c for c in containers(spec) if "appstreaming-exporter" in c["image"]]


def validate(objects, directory, versions=VERSIONS):
    """Validates objects with the schemas of Kubernetes, and monitors with the Operator's types."""
    assert objects
    known = []
    for found in objects:
        if found["apiVersion"].startswith("monitoring.coreos.com/"):
            run("decode-monitors", input=yaml.safe_dump(found))
        else:
            known.append(found)
    file = directory / "objects.yaml"
    file.write_text(yaml.safe_dump_all(known))
    for version in versions:
        run("kubernetes-validate", "--strict", "--quiet", "--kubernetes-version", version, file)


def assert_restricted(spec):
    """Checks the Pod Security standard "restricted" for the fields that these pods have."""
    pod = spec.get("securityContext", {})
    assert not any(spec.get(field) for field in ("hostNetwork", "hostPID", "hostIPC"))
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
        assert kinds <= allowed, volume
    for container in containers(spec):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert (pod | own)["runAsNonRoot"] is True
        assert (pod | own)["runAsUser"] != 0
        assert (pod | own)["seccompProfile"]["type"] in ("RuntimeDefault", "Localhost")
        assert not any("hostPort" in port for port in container.get("ports", []))


def assert_elects(objects, leases):
    """Checks that the pods may use exactly these Leases, and have what the election needs."""
    ((_, _, spec),) = [pod for pod in pod_specs(objects) if exporters(pod[2]) and "volumes" in pod[2]]
    role, binding = one(objects, "Role"), one(objects, "RoleBinding")
    named, create = role["rules"]
    assert named == {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": leases,
        "verbs": ["get", "update", "patch", "watch"],
    }
    # No list, no delete, no other object.
    assert create == {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]}
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]}
    (subject,) = binding["subjects"]
    assert (subject["kind"], subject["name"]) == ("ServiceAccount", spec["serviceAccountName"])
    # Objects without a namespace are created in that of the release.
    assert subject["namespace"] == role["metadata"].get("namespace", "apps")
    assert spec["automountServiceAccountToken"] is True
    (container,) = exporters(spec)
    fields = {e["name"]: e["valueFrom"]["fieldRef"]["fieldPath"] for e in container["env"] if "valueFrom" in e}
    assert fields == {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}


def assert_does_not_elect(objects):
    assert not of_kind(objects, "Role") and not of_kind(objects, "RoleBinding") and not of_kind(objects, "Secret")
    for _, _, spec in pod_specs(objects):
        assert not spec.get("automountServiceAccountToken")
        assert not [v for v in spec.get("volumes", []) if "secret" in v]


def configuration(objects):
    """Returns the configuration file of the exporter."""
    ((name, text),) = one(objects, "ConfigMap")["data"].items()
    return tomllib.loads(text) if name.endswith(".toml") else yaml.safe_load(text)


def assert_replicas_reach_each_other(objects):
    """Checks that the NetworkPolicy lets replicas fetch the state and use the API of Kubernetes."""
    policy = one(objects, "NetworkPolicy")["spec"]
    ((_, labels, spec),) = [pod for pod in pod_specs(objects) if exporters(pod[2]) and "volumes" in pod[2]]
    incoming = [peer for rule in policy["ingress"] for peer in rule["from"]]
    assert any(matches(peer["podSelector"], labels) for peer in incoming if "podSelector" in peer)
    (port,) = [port["containerPort"] for port in exporters(spec)[0]["ports"]]
    outgoing = [rule for rule in policy["egress"] if {"port": port} in rule["ports"]]
    assert any(matches(peer["podSelector"], labels) for rule in outgoing for peer in rule["to"])
    anywhere = [p["port"] for rule in policy["egress"] if "to" not in rule for p in rule["ports"]]
    assert {443, 6443} <= set(anywhere)


def assert_exporter_container(container):
    """Checks the properties that all containers of the exporter in Kubernetes share."""
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"].keys() == {"memory"}
    names = [port["name"] for port in container["ports"]]
    for kind, path in (("startupProbe", "/-/healthy"), ("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
        if kind in container:
            assert container[kind]["httpGet"] == {"path": path, "port": names[0]}, kind
    assert {"startupProbe", "livenessProbe"} <= container.keys()


def assert_selected(objects):
    """Checks that every selector matches existing pods with the selected ports."""
    pods = list(pod_specs(objects))
    for found in objects:
        spec = found.get("spec", {})
        selector = spec.get("podSelector") or spec.get("selector")
        if found["kind"] == "ServiceMonitor":
            services = [s for s in of_kind(objects, "Service") if matches(selector, s["metadata"]["labels"])]
            names = {port["name"] for service in services for port in service["spec"]["ports"]}
            assert {endpoint["port"] for endpoint in spec["endpoints"]} <= names
            continue
        if found["kind"] == "Service":
            selector = {"matchLabels": spec["selector"]}
        if found["kind"] not in ("Service", "Deployment", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
            continue
        chosen = [pod for _, labels, pod in pods if matches(selector, labels)]
        assert chosen, f"{found['kind']} selects no pod"
        wanted = {port["targetPort"] for port in spec.get("ports", [])} if found["kind"] == "Service" else set()
        wanted |= {endpoint["port"] for endpoint in spec.get("podMetricsEndpoints", [])}
        wanted |= {port["port"] for rule in spec.get("ingress", []) for port in rule["ports"]}
        for pod in chosen:
            assert wanted <= {port["name"] for c in containers(pod) for port in c.get("ports", [])}, found["kind"]


def matches(selector, labels):
    return bool(selector["matchLabels"]) and selector["matchLabels"].items() <= labels.items()


def files_of(objects, volume):
    """Returns the files of a volume, by name. A Secret that the objects do not contain has a token."""
    if "configMap" in volume:
        maps = {m["metadata"]["name"]: m["data"] for m in of_kind(objects, "ConfigMap")}
        return maps[volume["configMap"]["name"]]
    if "secret" in volume:
        secrets = {s["metadata"]["name"]: s["data"] for s in of_kind(objects, "Secret")}
        data = secrets.get(volume["secret"]["secretName"])
        keys = {item["key"]: item["path"] for item in volume["secret"].get("items", [{"key": "token", "path": "token"}])}
        return {path: base64.b64decode(data[key]).decode() if data else TOKEN for key, path in keys.items()}
    return {}


def mounted(objects, container, spec, directory):
    """Writes the mounted files of a container, with their local paths instead of those in the pod.

    Returns the arguments of the container and the paths in the pod with their local paths.
    """
    paths, files = {}, {}
    for mount in container.get("volumeMounts", []):
        volumes = [v for v in spec["volumes"] if v["name"] == mount["name"]] or [{"volumeClaimTemplate": {}}]
        place = directory / "mounts" / mount["name"]
        place.mkdir(parents=True, exist_ok=True)
        paths[mount["mountPath"]] = str(place)
        files |= {place / name: text for name, text in files_of(objects, volumes[0]).items()}
    for file, text in files.items():
        file.write_text(local(text, paths))
    return [local(argument, paths) for argument in container["args"]], paths


def local(text, paths):
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, paths[path])
    return text


def variables(container, paths):
    """Returns the environment of a container; the values of the downward API are examples."""
    pod = {"metadata.name": "pod-0", "metadata.namespace": "namespace", "status.podIP": "192.0.2.1"}
    return {
        e["name"]: local(e["value"], paths) if "value" in e else pod[e["valueFrom"]["fieldRef"]["fieldPath"]]
        for e in container.get("env", [])
    }


def assert_configuration(objects, directory):
    """Checks the configuration of the pods with the exporter itself."""
    for _, _, spec in pod_specs(objects):
        for container in exporters(spec):
            if "volumeMounts" not in container:
                continue
            arguments, paths = mounted(objects, container, spec, directory)
            files = [a for a in arguments if a.startswith("--config.file=")]
            assert files
            # The host name is the name of the pod, from which "hostname" takes the shard.
            env = variables(container, paths)
            run(BINARY, "check", *files, env=environment(env | {"HOSTNAME": env.get("POD_NAME", "pod-0")}))


def assert_runs(objects, directory):
    """Runs the command line of the container and checks its probes after the first poll."""
    ((_, _, spec),) = [pod for pod in pod_specs(of_kind(objects, "Deployment")) if exporters(pod[2])]
    (container,) = exporters(spec)
    port = free_port()
    env = {"APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS": f"127.0.0.1:{port}"}
    arguments, _ = mounted(objects, container, spec, directory)
    with process(BINARY, *arguments, env=env, log=directory / "log"):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            url = f"http://127.0.0.1:{port}{container[probe]['httpGet']['path']}"
            eventually(url, lambda: True if status(url) == 200 else None)


def cargo(key):
    """Returns a string value from Cargo.toml."""
    return re.search(rf'^{key} = "([^"]+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
