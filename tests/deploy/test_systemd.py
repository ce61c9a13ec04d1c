"""Tests of the systemd units, without a running systemd."""

import re
import socket
import tomllib

from conftest import BINARY, DEPLOY, cargo, environment, eventually, free_port, process, run, status

SYSTEMD = DEPLOY / "systemd"
SERVICE = SYSTEMD / "appstreaming-exporter.service"
SOCKET = SYSTEMD / "optional/appstreaming-exporter.socket"


def settings(unit):
    pairs = (line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] not in "#;")
    return dict(pairs)


def test_the_service_is_sandboxed():
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", SERVICE)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposure[1]) < 2.0


def test_the_only_writable_directory_is_that_of_the_state_file():
    unit = settings(SERVICE)
    path = tomllib.loads((SYSTEMD / "config.toml").read_text())["state"]["path"]
    assert path == f"/var/lib/{unit['StateDirectory']}/state" and unit["StateDirectoryMode"] == "0700"
    assert unit["ProtectSystem"] == "strict" and "ReadWritePaths" not in unit


def test_systemd_knows_every_setting_of_the_units(tmp_path):
    for unit in (SERVICE, SOCKET):
        # The files that the units name are not installed here.
        text = unit.read_text().replace("/usr/bin/appstreaming-exporter", BINARY)
        text = re.sub("^Documentation=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text)
    for unit in (SERVICE, SOCKET):
        done = run("systemd-analyze", "verify", "--man=no", tmp_path / unit.name)
        assert done.stderr == "", done.stderr


def test_a_misspelt_setting_is_reported(tmp_path):
    """Verifies the check itself."""
    broken = tmp_path / "broken.service"
    broken.write_text("[Service]\nExecStart=/bin/true\nProtectSytem=strict\n")
    assert "ProtectSytem" in run("systemd-analyze", "verify", "--man=no", broken, check=False).stderr


def start(environment, log):
    """Runs the command line of the service with the shipped files."""
    words = settings(SERVICE)["ExecStart"].split()
    assert words[0] == "/usr/bin/appstreaming-exporter" and words[-1] == "$ARGS"
    arguments = [word.replace("/etc/appstreaming-exporter", str(SYSTEMD)) for word in words[1:-1]]
    env = environment | {
        # The directory exists only while systemd runs the service.
        "APPSTREAMING_EXPORTER_STATE__PATH": str(log.with_name("state")),
        "APPSTREAMING_EXPORTER_ACCOUNTS__0__ENDPOINT": "http://127.0.0.1:9",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "an-id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "a-secret",
    }
    return process(BINARY, *arguments, env=env, log=log)


def test_the_service_starts_with_the_shipped_files(tmp_path):
    env = {}
    for line in (SYSTEMD / "appstreaming-exporter.default").read_text().splitlines():
        if line and not line.startswith("#"):
            key, value = line.split("=", 1)
            env[key] = value.strip('"')
    assert env == {"ARGS": ""}
    port = free_port()
    env["APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS"] = f"127.0.0.1:{port}"
    with start(env, tmp_path / "log"):
        eventually("the exporter serves", lambda: True if status(f"http://127.0.0.1:{port}/-/healthy") == 200 else None)


def test_the_service_notifies_systemd_and_reloads_with_the_command_of_the_unit(tmp_path):
    assert settings(SERVICE)["Type"] == "notify"
    log = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind(str(tmp_path / "notify"))
        env = {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS": "127.0.0.1:0",
        }
        with start(env, log) as running:
            assert manager.recv(4096).strip() == b"READY=1"
            run(*settings(SERVICE)["ExecReload"].replace("$MAINPID", str(running.pid)).split())
            eventually("the exporter reloads its configuration", lambda: "configuration reloaded" in log.read_text() or None)


def test_the_example_in_the_environment_file_is_valid():
    text = (SYSTEMD / "appstreaming-exporter.default").read_text()
    (key, value), = re.findall(r"^#(APPSTREAMING_EXPORTER_\w+)=(\S+)$", text, re.MULTILINE)
    run(BINARY, "check", env=environment({key: value}))


def test_socket_and_service_have_the_same_name():
    assert SOCKET.stem == SERVICE.stem
    assert settings(SOCKET)["ListenStream"] == "9877"
    assert cargo("name") == SERVICE.stem
