"""Tests of compose.yaml: its schema, its files, and the services of this project."""

import urllib.request

import yaml

from conftest import BINARY, DEPLOY, eventually, free_port, process, run, status

FILE = DEPLOY / "compose.yaml"
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
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
    # All other services share the network of the service that publishes the ports.
    assert all(s["network_mode"] == "service:exporter" for name, s in SERVICES.items() if name != "exporter")


def test_the_exporter_polls_the_simulator(tmp_path):
    cloud, web = free_port(), free_port()
    assert SERVICES["exporter"]["environment"]["APPSTREAMING_EXPORTER_ACCOUNTS__0__ENDPOINT"].endswith(":9878")
    command = [word.replace("9878", str(cloud)) for word in SERVICES["simulator"]["command"]]
    env = {key: value.replace("9878", str(cloud)) for key, value in SERVICES["exporter"]["environment"].items()}
    env["APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS"] = f"127.0.0.1:{web}"
    with process(BINARY, *command, log=tmp_path / "cloud"):
        eventually("the cloud responds", lambda: status(f"http://127.0.0.1:{cloud}/_stats"))
        with process(BINARY, env=env, log=tmp_path / "log"):
            ready = f"http://127.0.0.1:{web}/-/ready"
            eventually("the exporter has polled", lambda: True if status(ready) == 200 else None)
            text = urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=5).read().decode()
            assert '\nappstreaming_up{account="default",target="CloudApp"} 1' in text
