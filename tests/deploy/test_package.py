"""Tests of the Debian package and its generated files: built, inspected, installed, purged."""

import os
import subprocess

import pytest

from conftest import BINARY, ROOT, cargo, run

GENERATED = ROOT / "target/generated"
# Tags of lintian that do not apply here, with the reason.
ACCEPTED = {
    "no-changelog": "this is not a package of Debian; the changelog is CHANGELOG.md",
    "wrong-name-for-upstream-changelog": "the same",
    "empty-field": "a static program has no dependencies",
    "shared-library-lacks-prerequisites": "a position-independent static program looks like a library",
    "non-standard-file-perm": "the environment file may contain credentials",
    "unstripped-binary-or-object": "lintian also reports it for stripped static programs",
    "embedded-library": "a static program contains the C library",
    "statically-linked-binary": "on purpose",
    "hardening-no-pie": "the same",
}


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    file = tmp_path_factory.mktemp("deb") / "package.deb"
    # cargo-deb expects the program in the directory of the profile, below the target directory.
    run("cargo-deb", "--no-build", "--no-strip", "--quiet", "--profile", "dist", "--output", file,
        cwd=ROOT, env=os.environ | {"CARGO_TARGET_DIR": str(ROOT / "target/deploy")})  # fmt: skip
    return file


def test_every_file_is_installed_at_its_path(package):
    listed = {}
    for line in run("dpkg-deb", "--contents", package).stdout.splitlines():
        mode, owner, _, _, _, path = line.split(maxsplit=5)
        assert owner == "0/0"
        listed[path.removeprefix(".")] = mode
    assert listed["/usr/bin/appstreaming-exporter"] == "-rwxr-xr-x"
    assert listed["/etc/default/appstreaming-exporter"] == "-rw-------", "it may contain credentials"
    assert listed["/etc/appstreaming-exporter/config.toml"] == "-rw-r--r--"
    for path in (
        "/usr/lib/systemd/system/appstreaming-exporter.service",
        "/usr/share/doc/appstreaming-exporter/examples/appstreaming-exporter.socket",
        "/usr/share/doc/appstreaming-exporter/full.toml",
        "/usr/share/bash-completion/completions/appstreaming-exporter",
        "/usr/share/zsh/vendor-completions/_appstreaming-exporter",
        "/usr/share/fish/vendor_completions.d/appstreaming-exporter.fish",
        *(f"/usr/share/man/man1/{page.name}.gz" for page in GENERATED.glob("man/*.1")),
    ):
        assert path in listed


def test_package_and_program_have_the_same_version(package):
    field = run("dpkg-deb", "--field", package, "Version").stdout.strip()
    assert field.rsplit("-", 1)[0] == cargo("version")
    assert run(BINARY, "--version").stdout.split()[1] == cargo("version")


def test_lintian_reports_only_accepted_tags(package):
    tags = run("lintian", "--allow-root", "--fail-on", "none", package).stdout.splitlines()
    found = [tag for tag in tags if tag[:2] in ("E:", "W:") and tag.split()[2] not in ACCEPTED]
    assert not found


def test_the_package_is_enabled_after_installation_and_purged_completely(package, tmp_path):
    root = tmp_path / "root"
    for directory in ("info", "updates"):
        (root / "var/lib/dpkg" / directory).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    dpkg = ["dpkg", f"--root={root}", "--force-script-chrootless"]

    run(*dpkg, "--install", package)
    enabled = root / "etc/systemd/system/multi-user.target.wants/appstreaming-exporter.service"
    assert enabled.is_symlink()
    assert not (root / "etc/systemd/system/sockets.target.wants").exists(), "the socket is optional"
    installed = root / "usr/bin/appstreaming-exporter"
    run(installed, "check", "--config.file", root / "etc/appstreaming-exporter/config.toml")

    # An upgrade keeps an edited configuration and the state; a purge removes all files.
    state = root / "var/lib/private/appstreaming-exporter/state"
    state.parent.mkdir(parents=True)
    state.touch()
    (root / "var/lib/appstreaming-exporter").symlink_to("private/appstreaming-exporter")
    edited = root / "etc/appstreaming-exporter/config.toml"
    edited.write_text("[poll]\ninterval = '2m'\n")
    run(*dpkg, "--force-confold", "--install", package)
    assert "2m" in edited.read_text() and state.exists()
    run(*dpkg, "--purge", "appstreaming-exporter")
    assert not [path for path in root.rglob("*appstreaming*") if "var/lib/dpkg" not in str(path)]


def commands():
    lines = run(BINARY, "--help").stdout.split("Commands:")[1].split("\n\n")[0].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]


def test_every_command_has_a_manual_page_without_errors():
    pages = {page.name for page in GENERATED.glob("man/*.1")}
    assert pages >= {"appstreaming-exporter.1", *(f"appstreaming-exporter-{command}.1" for command in commands())}
    for page in sorted(GENERATED.glob("man/*.1")):
        run("mandoc", "-T", "lint", "-W", "error", page)
    shown = run("mandoc", "-T", "html", GENERATED / "man/appstreaming-exporter.1").stdout
    assert 'id="EXIT_STATUS"' in shown and "appstreaming-exporter-probe(1)" in shown


def test_bash_completes_commands_and_flags():
    script = GENERATED / "completions/appstreaming-exporter.bash"

    def completed(*words):
        line = " ".join(f"'{word}'" for word in words)
        code = f"""
            source {script}
            COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}
            _appstreaming__exporter {words[0]} '{words[-1]}' '{words[-2]}'
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        return subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert set(commands()) <= set(completed("appstreaming-exporter", ""))
    assert "--ready" in completed("appstreaming-exporter", "probe", "--")
    assert completed("appstreaming-exporter", "--log.format", "") == ["logfmt", "json"]
