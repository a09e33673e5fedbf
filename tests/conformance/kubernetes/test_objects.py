"""What any object meets: names, identities, revisions, selectors, changes, deletion."""

from typing import Any

import pytest

JSON_PATCH = "application/json-patch+json"


def secret(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **more}, "data": {"a": "YQ=="}}


def test_a_new_object_has_an_identity_a_revision_and_a_time(server: Any) -> None:
    made = server.core.create_namespaced_secret(server.namespace, secret("one"))
    assert made.metadata.uid
    assert int(made.metadata.resource_version) > 0
    assert made.metadata.creation_timestamp is not None
    assert made.type == "Opaque"


def test_a_name_can_be_had_once_only(server: Any, refusal: Any) -> None:
    server.core.create_namespaced_secret(server.namespace, secret("one"))
    code, status = refusal(server.core.create_namespaced_secret, server.namespace, secret("one"))
    assert (code, status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'secrets "one" already exists'


def test_what_is_not_there_is_not_found(server: Any, refusal: Any) -> None:
    code, status = refusal(server.batch.read_namespaced_job, "none", server.namespace)
    assert (code, status["reason"]) == (404, "NotFound")
    assert status["message"] == 'jobs.batch "none" not found'
    assert status["details"] == {"name": "none", "group": "batch", "kind": "jobs"}


def test_a_namespace_that_is_missing_takes_nothing(server: Any, refusal: Any) -> None:
    code, status = refusal(server.core.create_namespaced_secret, "never-made", secret("one"))
    assert (code, status["message"]) == (404, 'namespaces "never-made" not found')


def test_the_server_completes_a_generated_name(server: Any) -> None:
    body = {"metadata": {"generateName": "some-"}}
    names = {server.core.create_namespaced_secret(server.namespace, body).metadata.name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("some-") and len(name) == 10 for name in names)


def test_label_selectors_choose(server: Any) -> None:
    for name, labels in {"a": {"team": "x", "n": "1"}, "b": {"team": "x", "n": "2"}, "c": {"team": "y"}}.items():
        server.core.create_namespaced_secret(server.namespace, secret(name, labels=labels))

    def chosen(selector: str) -> str:
        found = server.core.list_namespaced_secret(server.namespace, label_selector=selector)
        return "".join(sorted(one.metadata.name for one in found.items))

    assert chosen("team=x") == "ab"
    assert chosen("team=x,n!=1") == "b"
    assert chosen("team in (x,y),!n") == "c"
    assert chosen("n notin (1),team") == "bc"


def test_field_selectors_choose_by_indexed_fields_only(server: Any, refusal: Any) -> None:
    for name in "ab":
        server.core.create_namespaced_secret(server.namespace, secret(name))
    found = server.core.list_namespaced_secret(server.namespace, field_selector="metadata.name=a")
    assert [one.metadata.name for one in found.items] == ["a"]
    code, status = refusal(server.core.list_namespaced_secret, server.namespace, field_selector="data.a=b")
    assert (code, status["reason"]) == (400, "BadRequest")
    assert "field label not supported: data.a" in status["message"]


def test_long_lists_come_in_pages(server: Any) -> None:
    for index in range(5):
        server.core.create_namespaced_secret(server.namespace, secret(f"s{index}", labels={"paged": "yes"}))
    first = server.core.list_namespaced_secret(server.namespace, limit=2, label_selector="paged")
    names = [one.metadata.name for one in first.items]
    token = first.metadata._continue
    while token:
        page = server.core.list_namespaced_secret(server.namespace, limit=2, label_selector="paged", _continue=token)
        names += [one.metadata.name for one in page.items]
        token = page.metadata._continue
    assert names == [f"s{index}" for index in range(5)]


def test_a_change_of_what_others_changed_meanwhile_is_a_conflict(server: Any, refusal: Any) -> None:
    old = server.core.create_namespaced_secret(server.namespace, secret("one"))
    server.core.patch_namespaced_secret("one", server.namespace, {"data": {"b": "Yg=="}})
    code, status = refusal(server.core.replace_namespaced_secret, "one", server.namespace, old)
    assert (code, status["reason"]) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in status["message"]


def test_patches_merge(server: Any) -> None:
    server.core.create_namespaced_secret(server.namespace, secret("one", labels={"keep": "1", "drop": "1"}))
    patch = {"metadata": {"labels": {"drop": None, "new": "1"}}}
    changed = server.core.patch_namespaced_secret("one", server.namespace, patch)
    assert changed.metadata.labels == {"keep": "1", "new": "1"}


def test_json_patches_test_and_replace(server: Any, refusal: Any) -> None:
    server.core.create_namespaced_secret(server.namespace, secret("one", labels={"a": "1"}))
    right = [{"op": "test", "path": "/metadata/labels/a", "value": "1"}, {"op": "remove", "path": "/metadata/labels/a"}]
    assert not server.core.patch_namespaced_secret("one", server.namespace, right).metadata.labels
    code, _ = refusal(server.core.patch_namespaced_secret, "one", server.namespace, right)
    assert code == 422


def test_a_dry_run_checks_and_stores_nothing(server: Any, refusal: Any) -> None:
    made = server.batch.create_namespaced_job(server.namespace, server.job("one"), dry_run="All")
    assert made.spec.template.spec.dns_policy == "ClusterFirst"
    assert server.gone(server.batch.read_namespaced_job, "one")
    code, _ = refusal(
        server.batch.create_namespaced_job, server.namespace, server.job("one", parallelism=-1), dry_run="All"
    )
    assert code == 422


def test_deletion_minds_the_identity(server: Any, refusal: Any) -> None:
    server.core.create_namespaced_secret(server.namespace, secret("one"))
    other = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}
    code, status = refusal(server.core.delete_namespaced_secret, "one", server.namespace, body=other)
    assert (code, status["reason"]) == (409, "Conflict")
    server.core.delete_namespaced_secret("one", server.namespace)
    assert server.gone(server.core.read_namespaced_secret, "one")


def test_what_is_owned_goes_with_its_owner(server: Any) -> None:
    owner = server.core.create_namespaced_secret(server.namespace, secret("owner"))
    reference = {"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": owner.metadata.uid}
    server.core.create_namespaced_secret(server.namespace, secret("owned", ownerReferences=[reference]))
    server.core.delete_namespaced_secret("owner", server.namespace)
    server.eventually(lambda: server.gone(server.core.read_namespaced_secret, "owned"), "the end of what was owned")


def test_an_immutable_secret_stays_as_it_is(server: Any, refusal: Any) -> None:
    server.core.create_namespaced_secret(server.namespace, {**secret("one"), "immutable": True})
    code, status = refusal(server.core.patch_namespaced_secret, "one", server.namespace, {"data": {"a": "Yg=="}})
    assert code == 422
    assert "field is immutable when `immutable` is set" in status["message"]


def test_a_headless_service_keeps_its_address(server: Any, refusal: Any) -> None:
    body = {"metadata": {"name": "peers"}, "spec": {"clusterIP": "None", "selector": {"a": "b"}}}
    made = server.core.create_namespaced_service(server.namespace, body)
    assert (made.spec.cluster_ip, made.spec.type) == ("None", "ClusterIP")
    code, status = refusal(
        server.core.patch_namespaced_service, "peers", server.namespace, {"spec": {"clusterIP": "10.0.0.1"}}
    )
    assert (code, status["reason"]) == (422, "Invalid")


@pytest.mark.parametrize("path", ["/version", "/apis/batch/v1", "/api/v1"])
def test_the_server_says_what_it_has(server: Any, path: str) -> None:
    found = server.client.call_api(path, "GET", response_types_map={200: "object"}, auth_settings=["BearerToken"])[0]
    assert found.get("major") == "1" or any(one["name"] in {"jobs", "pods"} for one in found["resources"])


def test_a_wrong_token_is_nobody(server: Any, refusal: Any) -> None:
    import kubernetes

    settings = kubernetes.client.Configuration()
    settings.host, settings.ssl_ca_cert = server.client.configuration.host, server.client.configuration.ssl_ca_cert
    settings.api_key = {"BearerToken": "Bearer wrong"}
    with kubernetes.client.ApiClient(settings) as stranger:
        code, status = refusal(kubernetes.client.CoreV1Api(stranger).list_namespaced_pod, server.namespace)
    assert (code, status["reason"]) == (401, "Unauthorized")
