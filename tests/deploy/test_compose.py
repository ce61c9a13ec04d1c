"""Tests of compose.yaml: its schema, its files, and the services of this project."""

import re
import urllib.request

import yaml

from conftest import BINARY, DEPLOY, eventually, free_port, process, run, status

FILE = DEPLOY / "compose.yaml"
EXPORTERS = ("exporter", "standby")
SERVICES = yaml.safe_load(FILE.read_text())["services"]


def test_the_file_is_valid_under_the_schema_of_compose():
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE)


def test_mounted_files_exist():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), f"{name}: {source}"


def test_ports_are_bound_to_localhost():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 5 and all(port.startswith("127.0.0.1:") for port in ports)
    # These contain "localhost" in their configurations.
    sharing = {name for name, service in SERVICES.items() if "network_mode" in service}
    assert sharing == {"alertmanager", "grafana"}
    assert all(SERVICES[name]["network_mode"] == "service:prometheus" for name in sharing)


def test_the_exporters_are_a_pair_with_a_state_file_each():
    primary, standby = (SERVICES[name]["environment"] for name in EXPORTERS)
    different = {key: (value, standby[key]) for key, value in primary.items() if value != standby[key]}
    assert different == {
        "APPSTREAMING_EXPORTER_REPLICAS__ROLE": ("primary", "standby"),
        "APPSTREAMING_EXPORTER_REPLICAS__PEER": ("http://standby:9877", "http://exporter:9877"),
    }
    directory = primary["APPSTREAMING_EXPORTER_STATE__PATH"].rsplit("/", 1)[0]
    volumes = [SERVICES[name]["volumes"] for name in EXPORTERS]
    assert volumes == [[f"exporter:{directory}"], [f"standby:{directory}"]]
    # A new volume has the owner that the directory has in the image.
    assert f"WORKDIR {directory}\n" in (DEPLOY / "docker/Dockerfile").read_text()


def test_prometheus_scrapes_both_exporters():
    (argument,) = [a for a in SERVICES["prometheus"]["command"] if a.startswith("--config.file=")]
    file = DEPLOY / "prometheus" / argument.rsplit("/", 1)[1]
    (job,) = yaml.safe_load(file.read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"{name}:9877" for name in EXPORTERS]}]


def settings(name, ports, directory):
    """Returns the environment of a service, for programs on this machine instead of containers."""
    env = {}
    for key, value in SERVICES[name]["environment"].items():
        value = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", value).replace("/var/lib/appstreaming-exporter", str(directory))
        for host, port in ports.items():
            value = re.sub(rf"http://{host}:\d+", f"http://127.0.0.1:{port}", value)
        env[key] = value
    directory.mkdir()
    return env | {"APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS": f"127.0.0.1:{ports[name]}"}


def get(port, path):
    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read().decode()


def sessions(port):
    """Returns the numbers of sessions in each group."""
    return sorted(line for line in get(port, "/metrics").splitlines() if line.startswith("appstreaming_group_sessions{"))


def test_the_primary_polls_the_simulator_and_the_standby_serves_the_same(tmp_path):
    ports = {name: free_port() for name in (*EXPORTERS, "simulator")}
    command = [word.replace(":9878", f":{ports['simulator']}") for word in SERVICES["simulator"]["command"]]
    assert command != SERVICES["simulator"]["command"]
    with process(BINARY, *command, log=tmp_path / "cloud"):
        eventually("the cloud responds", lambda: status(f"http://127.0.0.1:{ports['simulator']}/_stats"))
        envs = [settings(name, ports, tmp_path / name) for name in EXPORTERS]
        primary, standby = (ports[name] for name in EXPORTERS)
        with process(BINARY, env=envs[0], log=tmp_path / "primary"):
            with process(BINARY, env=envs[1], log=tmp_path / "log"):
                for port in (primary, standby):
                    ready = f"http://127.0.0.1:{port}/-/ready"
                    eventually("the exporter is ready", lambda: True if status(ready) == 200 else None)
                assert '\nappstreaming_up{account="default",target="CloudApp"} 1' in get(primary, "/metrics")
                same = eventually("both serve the same", lambda: sessions(primary) if sessions(primary) == sessions(standby) else None)
                assert same
                assert "\nappstreaming_exporter_replica_active 1" in get(primary, "/metrics")
                assert "\nappstreaming_exporter_replica_active 0" in get(standby, "/metrics")
        assert (tmp_path / "exporter/state").stat().st_mode & 0o777 == 0o600
