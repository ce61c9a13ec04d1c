#!/usr/bin/env python3
"""Lists everything with the official Python SDK and prints the result as JSON.

    list_all.py ENDPOINT v2|v3

ENDPOINT is host:port of a simulated cloud (plain HTTP). Needs the package
alibabacloud-appstream-center20210901. Keys come from ALIBABA_CLOUD_ACCESS_KEY_ID
and ALIBABA_CLOUD_ACCESS_KEY_SECRET, by default the simulated cloud's own.
"""

import json
import os
import sys

from alibabacloud_appstream_center20210901 import models
from alibabacloud_appstream_center20210901.client import Client
from alibabacloud_tea_openapi.utils_models import Config

# Smaller than a group, so that every listing has several pages.
PAGE_SIZE = 7


def pages(call, request, field):
    """Returns all records of a listing. Fails if their number is not the announced total."""
    records, number, total = [], 1, None
    while total is None or (number - 1) * PAGE_SIZE < total:
        request.page_size, request.page_number = PAGE_SIZE, number
        body = call(request).body
        assert (body.page_size, body.page_number) == (PAGE_SIZE, number), body
        total = body.total_count
        records += getattr(body, field)
        number += 1
    assert len(records) == total, f"{field}: {len(records)} of {total}"
    return [record.to_map() for record in records]


def filters(client, group, instances):
    """Uses every request parameter at least once, with values that need escaping."""
    ids = [instance["AppInstanceId"] for instance in instances[:11]]
    request = models.ListAppInstancesRequest(
        app_instance_group_id=group["AppInstanceGroupId"],
        app_instance_id_list=ids,
        include_deleted=True,
        page_size=100,
        page_number=1,
    )
    found = client.list_app_instances(request).body
    assert sorted(m.app_instance_id for m in found.app_instance_models) == sorted(ids), found
    users = {i["BindInfo"]["EndUserId"] for i in instances if (i.get("BindInfo") or {}).get("EndUserId")}
    request = models.ListAppInstancesRequest(
        app_instance_group_id=group["AppInstanceGroupId"],
        user_id_list=sorted(users)[:5] or ["张 三*~+/="],
        status=["BOUND", "RUNNING"],
        page_size=100,
        page_number=1,
    )
    client.list_app_instances(request)
    request = models.ListAppInstanceGroupRequest(
        product_type="CloudApp",
        app_instance_group_id=group["AppInstanceGroupId"],
        app_instance_group_name=group["AppInstanceGroupName"],
        app_center_image_id=group["AppCenterImageId"],
        biz_region_id=group["RegionId"],
        office_site_id=group["OfficeSiteId"],
        status=[group["Status"], "CEASED"],
        tag=[
            models.ListAppInstanceGroupRequestTag(key=tag["Key"], value=tag["Value"])
            for tag in group.get("Tags") or []
        ],
        excluded_user_group_ids=["ug~unknown *+"],
        page_size=1,
        page_number=1,
    )
    assert client.list_app_instance_group(request).body.total_count == 1, group


def main(endpoint, signature):
    client = Client(
        Config(
            access_key_id=os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "simulated-access-key-id"),
            access_key_secret=os.environ.get(
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "simulated-access-key-secret"
            ),
            endpoint=endpoint,
            protocol="HTTP",
            signature_algorithm="v2" if signature == "v2" else None,
        )
    )
    groups = pages(
        client.list_app_instance_group,
        models.ListAppInstanceGroupRequest(product_type="CloudApp"),
        "app_instance_group_models",
    )
    instances, persistent = {}, {}
    for group in groups:
        group_id = group["AppInstanceGroupId"]
        instances[group_id] = pages(
            client.list_app_instances,
            models.ListAppInstancesRequest(app_instance_group_id=group_id),
            "app_instance_models",
        )
        persistent[group_id] = pages(
            client.list_persistent_app_instances,
            models.ListPersistentAppInstancesRequest(
                product_type="CloudApp", app_instance_group_id=group_id
            ),
            "persistent_app_instance_models",
        )
        filters(client, group, instances[group_id])
    json.dump({"groups": groups, "instances": instances, "persistent": persistent}, sys.stdout)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in ("v2", "v3"):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
