"""Tests of the image: built from an existing binary, and run by a container runtime."""

import json
import pathlib
import platform
import shutil

import pytest

from conftest import BINARY, DEPLOY, ROOT, SHIPPED, eventually, free_port, process, run, status

DOCKERFILE = DEPLOY / "docker/Dockerfile"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


@pytest.fixture(scope="session")
def buildah(tmp_path_factory):
    storage = tmp_path_factory.mktemp("storage")
    base = ["buildah", "--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "vfs"]
    return lambda *arguments: run(*base, *arguments)


def build(buildah, directory, architecture, binary):
    context = directory / "linux" / architecture
    context.mkdir(parents=True)
    shutil.copy(binary, context / "appstreaming-exporter")
    name = f"localhost/appstreaming-exporter:{architecture}"
    buildah(
        "build", "--isolation", "chroot", "--format", "docker", "--target", "prebuilt", "--platform",
        f"linux/{architecture}", "--file", DOCKERFILE, "--tag", name, directory,
    )  # fmt: skip
    return json.loads(buildah("inspect", "--type", "image", name).stdout)["Docker"], name


@pytest.fixture(scope="session")
def image(buildah, tmp_path_factory):
    docker, name = build(buildah, tmp_path_factory.mktemp("context"), ARCHITECTURE, BINARY)
    container = buildah("from", name).stdout.strip()
    root = pathlib.Path(buildah("mount", container).stdout.strip())
    yield docker, root
    buildah("umount", container)
    buildah("rm", container)


def test_hadolint_accepts_the_dockerfile():
    run("hadolint", DOCKERFILE)


def test_the_image_contains_one_program_that_does_not_run_as_root(image):
    docker, root = image
    files = {str(path.relative_to(root)): path.stat().st_uid for path in root.rglob("*") if not path.is_dir()}
    assert files == {"appstreaming-exporter": 0}
    # The only directory is that of the state file, for the owner of a new volume.
    state = root / "var/lib/appstreaming-exporter"
    assert [path for path in root.rglob("*") if path.is_dir()] == [root / "var", root / "var/lib", state]
    assert (state.stat().st_uid, state.stat().st_gid) == (65532, 65532)
    config = docker["config"]
    assert config["User"] == "65532:65532" and config["WorkingDir"] == "/"
    assert config["Entrypoint"] == ["/appstreaming-exporter"] and not config.get("Cmd")
    assert config["Healthcheck"]["Test"] == ["CMD", "/appstreaming-exporter", "probe"]
    assert list(config["ExposedPorts"]) == ["9877/tcp"]


@pytest.mark.skipif(not SHIPPED, reason="the limit applies to the shipped build: tests/deploy/run --dist")
def test_the_image_is_below_17_mb(image):
    _, root = image
    assert (root / "appstreaming-exporter").stat().st_size < 15_000_000


def test_another_architecture_is_built_without_running_its_programs(buildah, tmp_path):
    other = {"amd64": "arm64", "arm64": "amd64"}[ARCHITECTURE]
    stand_in = tmp_path / "binary"
    stand_in.write_text("for another machine")
    docker, _ = build(buildah, tmp_path / "context", other, stand_in)
    assert docker["architecture"] == other


def bundle(image, directory, arguments, env):
    """Creates a container as Kubernetes would under "restricted", but in the host network."""
    docker, root = image
    run("runc", "spec", cwd=directory)
    spec = json.loads((directory / "config.json").read_text())
    user, group = map(int, docker["config"]["User"].split(":"))
    spec["root"] = {"path": str(root), "readonly": True}
    spec["process"] |= {
        "terminal": False,
        "args": docker["config"]["Entrypoint"] + arguments,
        "env": [f"{key}={value}" for key, value in env.items()],
        "user": {"uid": user, "gid": group},
        "noNewPrivileges": True,
        "capabilities": {},
    }
    spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
    (directory / "config.json").write_text(json.dumps(spec))
    return directory


def test_the_image_runs_on_a_read_only_root_and_its_health_check_succeeds(image, tmp_path):
    port = free_port()
    name = f"appstreaming-exporter-{port}"
    state = tmp_path / "state"
    (tmp_path / "bundle").mkdir()
    env = {"APPSTREAMING_EXPORTER_WEB__LISTEN_ADDRESS": f"127.0.0.1:{port}"}
    # Time zones are compiled in: the image has no time zone files.
    arguments = ["demo", "--set", "schedule.time_zone=America/Sao_Paulo"]
    directory = bundle(image, tmp_path / "bundle", arguments, env)
    check = image[0]["config"]["Healthcheck"]["Test"][1:]
    runc = ["runc", "--root", state]
    with process(*runc, "run", "--bundle", directory, name, log=tmp_path / "log"):
        eventually("the exporter is ready", lambda: True if status(f"http://127.0.0.1:{port}/-/ready") == 200 else None)
        assert status(f"http://127.0.0.1:{port}/metrics") == 200
        assert run(*runc, "exec", name, *check).stdout == "healthy\n"
        assert run(*runc, "exec", name, *check, "--ready").stdout == "ready\n"
        refused = run(*runc, "exec", name, *check, f"http://127.0.0.1:{free_port()}/-/healthy", check=False)
        assert refused.returncode == 1


def test_the_build_context_of_the_image_compiles(tmp_path):
    """Creates the build context from the ignore file, as Docker does, and compiles it."""
    ignored, *kept = [
        line for line in DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]  # fmt: skip
    assert ignored == "*" and all(line.startswith("!") for line in kept)
    # The directory "linux" with binaries exists only when a release is built.
    for name in (line[1:] for line in kept if line != "!linux"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    run("cargo", "check", "--quiet", "--locked", "--offline", "--bin", "appstreaming-exporter",
        "--target-dir", ROOT / "target", cwd=tmp_path)  # fmt: skip
