#!/usr/bin/env python3
"""Reads an exporter's metrics with the official Python client, in text and in OpenMetrics.

    compare.py URL

URL is the address of the metrics. Fails unless strict parsers read the same fleet from both formats, and
unless gzip and zstd responses decompress to the uncompressed response.
"""

import gzip
import sys
import urllib.request

import zstandard
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

FLEET = ["groups", "node_pools", "instances", "nodes", "persistent", "instances_detail", "persistent_detail", "health"]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def get(url, accept="text/plain", encoding="identity"):
    request = urllib.request.Request(url, headers={"Accept": accept, "Accept-Encoding": encoding})
    with urllib.request.urlopen(request) as response:
        assert response.headers.get("Content-Encoding", "identity") == encoding, response.headers
        return response.read()


def samples(families):
    """Returns every sample by name and labels, without samples that only OpenMetrics has."""
    found = {}
    for family in families:
        for sample in family.samples:
            if sample.name.endswith("_created"):
                continue
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} twice"
            found[key] = (family.type, family.documentation, sample.value)
    return found


def main(url):
    everything = samples(openmetrics(get(url, OPENMETRICS).decode()))
    own = {name for name, _ in everything if name.startswith(("appstreaming_exporter_", "process_"))}
    assert "appstreaming_exporter_scrapes_total" in own and "process_cpu_seconds_total" in own, own

    fleet = url + "?" + "&".join(f"collect[]={collector}" for collector in FLEET)
    plain = get(fleet)
    as_text = samples(text(plain.decode()))
    as_openmetrics = samples(openmetrics(get(fleet, OPENMETRICS).decode()))
    assert as_text == as_openmetrics, set(as_text.items()) ^ set(as_openmetrics.items())
    assert as_text.items() <= everything.items()

    assert gzip.decompress(get(fleet, encoding="gzip")) == plain
    assert zstandard.ZstdDecompressor().decompress(get(fleet, encoding="zstd")) == plain
    print(len(as_text), "samples")


if __name__ == "__main__":
    main(sys.argv[1])
