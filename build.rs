//! Tells the binary what it was built from: the git revision, where there is one, and the compiler. Links a
//! static one smaller.

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

/// A static program relocates itself when it starts, by a table of 24 bytes for each address; packed, it is a
/// bit for most. musl 1.2.4 and the GNU C library 2.36 can read that; the C library is the one linked here, and so
/// the only one that has to. Linkers too old for it leave the table as it is.
fn pack_relocations() {
    let has = |name: &str, value| env::var(name).is_ok_and(|list| list.split(',').any(|word| word == value));
    if has("CARGO_CFG_TARGET_OS", "linux") && has("CARGO_CFG_TARGET_FEATURE", "crt-static") {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// What the builder says it is (a container's build has no repository), else the commit that is checked
/// out, where the sources are a git checkout of their own: a source archive unpacked inside somebody
/// else's repository must not carry that one's revision.
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
    // The log of HEAD grows with every commit and checkout. A path that doesn't exist would make
    // every build dirty, so it is watched only where it does.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = output("git", &["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    output("git", &["rev-parse", "HEAD"])
}

/// The compiler's version, `1.95.0`.
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
