"""Watches: every change once and in order, from any revision that is remembered."""

from collections.abc import Iterator
from typing import Any

import kubernetes
import pytest

from cluster import Cluster


def watch(server: Any, **more: Any) -> Iterator[Any]:
    """The changes of secrets, until the server ends the watch."""
    watching = kubernetes.watch.Watch()
    yield from watching.stream(server.core.list_namespaced_secret, server.namespace, **more)


def make(server: Any, name: str, **labels: str) -> Any:
    return server.core.create_namespaced_secret(server.namespace, {"metadata": {"name": name, "labels": labels}})


def told(events: Iterator[Any], count: int) -> list[tuple[str, str]]:
    return [(event["type"], event["object"].metadata.name) for _, event in zip(range(count), events, strict=False)]


def test_a_watch_from_a_list_tells_what_came_after(server: Any) -> None:
    make(server, "before")
    revision = server.core.list_namespaced_secret(server.namespace).metadata.resource_version
    make(server, "after")
    server.core.patch_namespaced_secret("after", server.namespace, {"data": {"a": "YQ=="}})
    server.core.delete_namespaced_secret("after", server.namespace)
    events = watch(server, resource_version=revision, timeout_seconds=30)
    assert told(events, 3) == [("ADDED", "after"), ("MODIFIED", "after"), ("DELETED", "after")]


def test_a_watch_from_nowhere_begins_with_what_is_there(server: Any) -> None:
    make(server, "one")
    assert told(watch(server, timeout_seconds=30, field_selector="metadata.name=one"), 1) == [("ADDED", "one")]


def test_what_begins_to_match_is_added_and_what_ceases_to_is_deleted(server: Any) -> None:
    revision = server.core.list_namespaced_secret(server.namespace).metadata.resource_version
    make(server, "one", state="off")
    for state in ("on", "off"):
        server.core.patch_namespaced_secret("one", server.namespace, {"metadata": {"labels": {"state": state}}})
    events = watch(server, resource_version=revision, label_selector="state=on", timeout_seconds=30)
    assert told(events, 2) == [("ADDED", "one"), ("DELETED", "one")]


def test_a_watch_ends_in_time(server: Any) -> None:
    revision = server.core.list_namespaced_secret(server.namespace).metadata.resource_version
    assert told(watch(server, resource_version=revision, timeout_seconds=1), 1) == []


def test_a_watch_from_a_forgotten_revision_is_refused(partner: Any, cluster: Cluster) -> None:
    revision = partner.core.list_namespaced_secret(partner.namespace).metadata.resource_version
    make(partner, "one")
    cluster.forget_history()
    with pytest.raises(kubernetes.client.ApiException) as caught:
        told(watch(partner, resource_version=revision, timeout_seconds=5), 1)
    assert caught.value.status == 410


def test_a_list_that_is_read_too_slowly_has_to_be_read_again(partner: Any, cluster: Cluster, refusal: Any) -> None:
    for name in "abc":
        make(partner, name)
    token = partner.core.list_namespaced_secret(partner.namespace, limit=1).metadata._continue
    make(partner, "d")
    cluster.forget_history()
    code, status = refusal(partner.core.list_namespaced_secret, partner.namespace, limit=1, _continue=token)
    assert (code, status["reason"]) == (410, "Expired")


def test_a_dropped_watch_can_be_taken_up_again(partner: Any, cluster: Cluster) -> None:
    revision = partner.core.list_namespaced_secret(partner.namespace).metadata.resource_version
    events = watch(partner, resource_version=revision, timeout_seconds=30)
    make(partner, "one")
    assert told(events, 1) == [("ADDED", "one")]
    assert cluster.faults.drop_watches() == 1
    make(partner, "two")
    assert told(watch(partner, resource_version=revision, timeout_seconds=30), 2) == [
        ("ADDED", "one"),
        ("ADDED", "two"),
    ]
