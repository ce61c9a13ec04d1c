//! Passes the git revision, if there is one, and the compiler's version to the build, and makes
//! static binaries smaller.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let revision = revision().unwrap_or_else(|| "unknown".to_owned());
    let rustc = rustc().unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=APPSTREAMING_EXPORTER_REVISION={revision}");
    println!("cargo:rustc-env=APPSTREAMING_EXPORTER_RUSTC={rustc}");
    pack_relocations();
}

/// Packs the relocation table of a static program: an address takes 24 bytes in the table, and
/// mostly one bit when packed. A static program is relocated by the C library that is linked into
/// it, so only that library must support packed tables: musl does since 1.2.4, the GNU C library
/// since 2.36. Linkers that do not know the option leave the table unpacked.
fn pack_relocations() {
    let has =
        |name: &str, value| env::var(name).is_ok_and(|list| list.split(',').any(|entry| entry == value));
    if has("CARGO_CFG_TARGET_OS", "linux") && has("CARGO_CFG_TARGET_FEATURE", "crt-static") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// `SOURCE_REVISION` if it is set, because a container build has no repository; otherwise the
/// checked-out commit, but only if the sources are the top directory of a git checkout: a source
/// archive unpacked inside another repository must not get that repository's revision.
fn revision() -> Option<String> {
    println!("cargo:rerun-if-env-changed=SOURCE_REVISION");
    if let Ok(revision) = env::var("SOURCE_REVISION")
        && !revision.is_empty()
    {
        return Some(revision);
    }
    if !Path::new(".git").exists() {
        return None;
    }
    // The log of HEAD grows with every commit and checkout. Cargo rebuilds every time if a watched
    // path is missing, so only existing paths are watched.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = output("git", &["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    output("git", &["rev-parse", "HEAD"])
}

/// The compiler's version, for example `1.95.0`.
fn rustc() -> Option<String> {
    let compiler = env::var("RUSTC").ok()?;
    output(&compiler, &["--version"])?.split_whitespace().nth(1).map(str::to_owned)
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
