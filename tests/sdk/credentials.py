#!/usr/bin/env python3
"""Finds credentials with the official Python library, lists groups, and prints the source as JSON.

    credentials.py ENDPOINT

ENDPOINT is host:port of a simulated cloud (plain HTTP). The library looks in its usual places: in the
environment and in the home directory. Only its transport is changed: requests to STS and to the metadata
service are sent to ENDPOINT. Needs the package alibabacloud-appstream-center20210901.
"""

import json
import sys

from alibabacloud_appstream_center20210901 import models
from alibabacloud_appstream_center20210901.client import Client
from alibabacloud_credentials.provider import DefaultCredentialsProvider
from alibabacloud_tea_openapi.utils_models import Config
from Tea.core import TeaCore

SERVICES = ("sts.aliyuncs.com", "100.100.100.200")


def redirect(endpoint):
    """Sends requests to the services to ENDPOINT, otherwise unchanged."""
    host, port = endpoint.split(":")
    send = TeaCore.do_action

    def send_to_endpoint(request, runtime_option=None):
        if request.headers["host"] in SERVICES:
            request.headers["host"], request.port, request.protocol = host, int(port), "http"
        return send(request, runtime_option)

    TeaCore.do_action = staticmethod(send_to_endpoint)


def main(endpoint):
    redirect(endpoint)
    credentials = DefaultCredentialsProvider().get_credentials()
    client = Client(
        Config(
            access_key_id=credentials.get_access_key_id(),
            access_key_secret=credentials.get_access_key_secret(),
            security_token=credentials.get_security_token(),
            endpoint=endpoint,
            protocol="HTTP",
        )
    )
    request = models.ListAppInstanceGroupRequest(product_type="CloudApp", page_size=10, page_number=1)
    groups = client.list_app_instance_group(request).body.total_count
    json.dump({"provider": credentials.get_provider_name(), "groups": groups}, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
