"""Helpers of the tests of deploy/: running programs, and inspecting manifests."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
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


def mounted(objects, container, spec, directory):
    """Writes the mounted files of a container, and returns its arguments with their local paths."""
    arguments = list(container["args"])
    for mount in container.get("volumeMounts", []):
        (volume,) = [v for v in spec["volumes"] if v["name"] == mount["name"]]
        maps = {m["metadata"]["name"]: m["data"] for m in of_kind(objects, "ConfigMap")}
        place = directory / "mounts" / mount["name"]
        place.mkdir(parents=True, exist_ok=True)
        for name, text in maps[volume["configMap"]["name"]].items():
            (place / name).write_text(text)
        arguments = [a.replace(mount["mountPath"], str(place)) for a in arguments]
    return arguments


def assert_configuration(objects, directory):
    """Checks the configuration of the pods with the exporter itself."""
    for _, _, spec in pod_specs(objects):
        for container in exporters(spec):
            if "volumeMounts" not in container:
                continue
            arguments = mounted(objects, container, spec, directory)
            files = [a for a in arguments if a.startswith("--config.file=")]
            assert files
            env = {e["name"]: e["value"] for e in container.get("env", [])}
            # "hostname" needs the host name of a pod of a StatefulSet.
            env = {k: ("0" if v == "hostname" else v) for k, v in env.items()}
            run(BINARY, "check", *files, env=environment(env))


def assert_runs(objects, directory):
    """Runs the command line of the container and checks its probes after the first poll."""
    ((_, _, spec),) = [pod for pod in pod_specs(of_kind(objects, "Deployment")) if exporters(pod[2])]
    (container,) = exporters(spec)
    port = free_port()
    env = {"APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS": f"127.0.0.1:{port}"}
    with process(BINARY, *mounted(objects, container, spec, directory), env=env, log=directory / "log"):
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            url = f"http://127.0.0.1:{port}{container[probe]['httpGet']['path']}"
            eventually(url, lambda: True if status(url) == 200 else None)


def cargo(key):
    """Returns a string value from Cargo.toml."""
    return re.search(rf'^{key} = "([^"]+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
