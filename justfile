# Everything a developer or CI runs. `just` lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the recipes.
default:
    @just --list

# What the README's second command runs: no root, no network beyond crates.
test:
    cargo test --locked

# Formatting is rustfmt's business.
format:
    cargo fmt --all --check

# Warnings are errors.
lint:
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --no-default-features --lib --bins -- -D warnings

# The documentation builds without a broken link.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Licences, sources and bans of the dependency tree.
deny:
    cargo deny --locked check bans licenses sources

# Tests against a real Prometheus and the official SDK; they need Debian's `prometheus`,
# `prometheus-alertmanager` and pip.
end-to-end:
    cargo test --locked --test it -- --ignored --test-threads=2

# Alert rules, inhibitions and dashboards; needs Debian's `prometheus` and `prometheus-alertmanager`.
observability:
    tests/observability/run

# The pages in a real browser: Debian's `chromium`, `node` and `npm`. Screenshots go to target/screenshots.
browser:
    # What the tests run, built as they build it: there already, where they have run.
    cargo test --locked --test it --no-run
    cd tests/browser && npm ci --silent --no-audit --no-fund && npm test

# Regenerate what is generated from code.
generate:
    cargo run --locked --quiet -- catalog --format markdown > docs/metrics.md

# Throughput of the hot paths.
bench *arguments:
    cargo bench --locked {{arguments}}

# What polling a fleet of 100,000 instances costs: docs/performance.md.
measure *arguments:
    cargo build --locked --release
    benches/fleet.py target/release/appstreaming-exporter {{arguments}}

# What scrapers get and what scraping costs: docs/formats.md. Needs `wrk`.
measure-formats *arguments:
    cargo build --locked --release
    benches/formats.py target/release/appstreaming-exporter {{arguments}}

# The fuzz targets build; `cargo fuzz run NAME` (nightly) runs one.
fuzz-check:
    cargo check --quiet --manifest-path fuzz/Cargo.toml

# Images, manifests, chart, units, package and workflows; installs what it needs. `--dist` tests what is shipped.
deploy *arguments:
    tests/deploy/run {{arguments}}

# The Debian package of this machine's architecture, below target/debian.
deb:
    cargo build --locked --profile dist --bin appstreaming-exporter
    cargo run --locked --quiet --example generate -- target/generated
    cargo deb --no-build --profile dist

# Everything the gate runs, on a machine that has what it needs.
ci: test format lint doc fuzz-check deny observability end-to-end browser deploy
