# Commands for developers and CI. `just` lists them.

set shell := ["bash", "-euo", "pipefail", "-c"]

shipped := "target/dist/appstreaming-exporter"
alerts := "each_alert_fires_for_its_scenario_and_for_no_other"

# List the recipes.
default:
    @just --list

# Run the tests, as the README does. Needs no root and no network except for crates.
test:
    cargo test --locked

# Run every night. The gate checks that this build compiles without warnings.
# Run the tests of a build without the feature `kubernetes`.
test-without-kubernetes:
    cargo test --locked --no-default-features --features simulator

# Check the formatting with rustfmt.
format:
    cargo fmt --all --check

# Run clippy. Warnings are errors.
lint:
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --no-default-features --lib --bins -- -D warnings

# Build the documentation. Broken links are errors.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Check licences, sources and bans of the dependency tree.
deny:
    cargo deny --locked check bans licenses sources

# Needs Debian's `prometheus`, `prometheus-alertmanager` and pip.
# Run the tests with a real Prometheus and the official SDK.
end-to-end:
    cargo test --locked --test it -- --ignored --test-threads=2 --skip prometheus_3 --skip {{alerts}}

# It starts an exporter for each scenario, and needs the machine for itself. Needs Debian's
# `prometheus` and `prometheus-alertmanager`.
# Test that each alert fires for its scenario and for no other.
alerts:
    cargo test --locked --test it -- --ignored {{alerts}}

# Builds Prometheus with Go for minutes, once. Not part of the gate, but run every night.
# Run the test with Prometheus 3, which stores native histograms.
prometheus-3:
    tests/observability/prometheus-3

# Builds etcd and kube-apiserver with Go for minutes, once. Run every night, not in the gate.
# Test the election of the active replica against a real Kubernetes API server.
kubernetes:
    tests/kubernetes/run

# Needs Debian's `prometheus`; the mode `kubernetes` also needs Go. Run every night for ten minutes.
# Replace and kill replicas under scrapes: `just replicas 600 pair`; docs/operations.md.
replicas duration="600" mode="pair" *arguments="":
    tests/replicas/run {{mode}} --duration {{duration}} {{arguments}}

# Measure restarts with a state file: docs/operations.md.
restarts *arguments:
    cargo build --locked --release
    PYTHONDONTWRITEBYTECODE=1 tests/replicas/restarts.py target/release/appstreaming-exporter {{arguments}}

# Measure four shards with standbys over a million instances: docs/operations.md.
replicas-large *arguments:
    cargo build --locked --release
    PYTHONDONTWRITEBYTECODE=1 tests/replicas/large_fleet.py target/release/appstreaming-exporter {{arguments}}

# Needs Debian's `prometheus` and `prometheus-alertmanager`.
# Test alert rules, inhibitions and dashboards.
observability:
    tests/observability/run

# Needs Debian's `chromium`, `node` and `npm`.
# Test the pages in a real browser. Screenshots are in target/screenshots.
browser:
    # The same command as for the tests in Rust builds the binary, so that nothing is built twice.
    cargo test --locked --test it --no-run
    cd tests/browser && npm ci --silent --no-audit --no-fund && npm test

# Regenerate the files that are generated from code.
generate:
    cargo run --locked --quiet -- catalog --format markdown > docs/metrics.md

# Measure the throughput of the hot paths.
bench *arguments:
    cargo bench --locked --bench parse --bench render {{arguments}}

# Builds for minutes; run every night. Needs Debian's `valgrind`. `--write` records the counts:
# docs/performance.md.
# Fail where a fixed job needs over 5 % more instructions than recorded.
instructions *arguments:
    cargo bench --quiet --locked --no-default-features --profile instructions --bench instructions -- {{arguments}}

# Run by the gate for the binary that it ships. `--write` records the counts: docs/performance.md.
# Fail where whole processes need over 5 % more instructions than recorded.
instructions-shipped binary *arguments:
    PYTHONDONTWRITEBYTECODE=1 benches/shipped.py {{quote(binary)}} {{arguments}}

# Measure the cost of polling a fleet of 100,000 instances: docs/performance.md.
measure *arguments:
    cargo build --locked --release
    PYTHONDONTWRITEBYTECODE=1 benches/fleet.py target/release/appstreaming-exporter {{arguments}}

# Measure response sizes and the cost of scrapes: docs/formats.md. Needs `wrk`.
measure-formats *arguments:
    cargo build --locked --release
    PYTHONDONTWRITEBYTECODE=1 benches/formats.py target/release/appstreaming-exporter {{arguments}}

# Installs and builds the peers. Without a binary, builds and measures the shipped one.
# Measure beside other exporters: `just measure-peers 3 BINARY`; benches/peers/README.md.
measure-peers rounds="3" binary="" *arguments="":
    benches/peers/setup
    [ -n "{{binary}}" ] || {{quote(just_executable())}} build-shipped
    PYTHONDONTWRITEBYTECODE=1 benches/compare.py {{ if binary == "" { shipped } else { quote(binary) } }} --rounds {{rounds}} {{arguments}}

# Draws docs/images/growth.svg. Without a binary, builds and measures the shipped one.
# Measure fleets of up to a million instances: `just measure-growth BINARY`; docs/performance.md.
measure-growth binary="" *arguments="":
    benches/peers/setup --api
    [ -n "{{binary}}" ] || {{quote(just_executable())}} build-shipped
    PYTHONDONTWRITEBYTECODE=1 benches/growth.py {{ if binary == "" { shipped } else { quote(binary) } }} {{arguments}}

# Check that the fuzz targets build. `cargo fuzz run NAME` (nightly) runs one.
fuzz-check:
    cargo check --quiet --locked --manifest-path fuzz/Cargo.toml --target-dir target

# Installs its tools. `--dist` tests the shipped binary.
# Test the image, manifests, chart, units, package and workflows.
deploy *arguments:
    tests/deploy/run {{arguments}}

# Build the binary that is shipped. Takes minutes.
build-shipped:
    cargo build --locked --profile dist --bin appstreaming-exporter

# Build the Debian package of this machine's architecture in target/debian.
deb: build-shipped
    cargo run --locked --quiet --example generate -- target/generated
    cargo deb --no-build --profile dist

# Run everything that the gate runs. All tools must be installed.
ci: test format lint doc fuzz-check deny observability browser end-to-end alerts deploy
