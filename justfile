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

# Tests against a real Prometheus and the official SDK; they need Debian's `prometheus` and pip.
end-to-end:
    cargo test --locked --test it -- --ignored --test-threads=2

# Regenerate what is generated from code.
generate:
    cargo run --locked --quiet -- catalog --format markdown > docs/metrics.md

# Throughput of the hot paths.
bench *arguments:
    cargo bench --locked {{arguments}}

# The gate.
ci: test format lint doc end-to-end deny
