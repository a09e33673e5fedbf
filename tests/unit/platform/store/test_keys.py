"""What is a key, and which keys name their content."""

import string
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.platform.store import BadKey, blob_key
from slipway.platform.store.keys import (
    KEY_LENGTH,
    SEGMENT_LENGTH,
    broken_rule,
    check_key,
    check_prefix,
    digest_named_by,
)

SAME_EACH_TIME = settings(derandomize=True, max_examples=300, database=None)
FIRST = string.ascii_letters + string.digits + "_"
REST = FIRST + ".-+=@"
DIGEST = "0123456789abcdef" * 4

segments = st.builds(str.__add__, st.sampled_from(FIRST), st.text(REST, max_size=30)).filter(
    lambda segment: not segment.startswith("sha256-")
)
good_keys = st.lists(segments, min_size=1, max_size=8).map("/".join)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)


@pytest.mark.parametrize(
    "key",
    [
        "work/r1-0a1b/attempts/1/spec.json",
        "ledger/000000000001.json",
        f"code/{DIGEST}",
        f"bundles/sha256-{DIGEST}.onnx",
        "a",
        "_x/y.z+1=2@3",
        "s" * SEGMENT_LENGTH,
    ],
)
def test_keys_that_are_used_are_keys(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("", "not empty"),
        ("/a", "empty segment"),
        ("a/", "empty segment"),
        ("a//b", "empty segment"),
        ("..", "begins with a dot"),
        ("a/../b", "begins with a dot"),
        ("./a", "begins with a dot"),
        ("a/.hidden", "begins with a dot"),
        ("a b", "letters, digits"),
        ("-a", "letters, digits"),
        ("a\\b", "letters, digits"),
        ("a\n", "letters, digits"),
        ("a\x00", "letters, digits"),
        ("é", "letters, digits"),
        ("٣", "letters, digits"),
        ("s" * (SEGMENT_LENGTH + 1), f"at most {SEGMENT_LENGTH}"),
        ("a/" * (KEY_LENGTH // 2) + "a", f"at most {KEY_LENGTH}"),
        (f"sha256-{DIGEST[1:]}", "64 lower-case hex"),
        (f"sha256-{DIGEST.upper()}", "64 lower-case hex"),
        (f"sha256-{DIGEST}onnx", "64 lower-case hex"),
        ("sha256-", "64 lower-case hex"),
    ],
)
def test_a_bad_key_is_refused_with_the_rule_it_breaks(key: str, rule: str) -> None:
    with pytest.raises(BadKey, match=rule) as caught:
        check_key(key)
    assert f"`{key}`" in str(caught.value)
    assert caught.value.mend


@SAME_EACH_TIME
@given(good_keys.filter(lambda key: len(key) <= KEY_LENGTH))
def test_every_key_of_the_alphabet_is_one(key: str) -> None:
    check_key(key)


@SAME_EACH_TIME
@given(st.text(max_size=60) | st.text("ab/.-_ \\", max_size=12))
def test_whatever_is_accepted_stays_inside_the_store(key: str) -> None:
    if broken_rule(key) is not None:
        return
    path = PurePosixPath("/store") / key
    assert str(path) == f"/store/{key}"
    assert ".." not in path.parts
    assert not any(part.startswith(".") for part in path.parts)
    assert key.isascii()
    assert key.isprintable()


@SAME_EACH_TIME
@given(good_keys.filter(lambda key: len(key) <= KEY_LENGTH), st.integers(0, 600))
def test_every_beginning_of_a_key_is_a_prefix(key: str, length: int) -> None:
    check_prefix(key[:length])


@pytest.mark.parametrize("prefix", ["/", "a//", "..", "a/.", "a b/", "a" * 600])
def test_a_prefix_of_no_key_is_refused(prefix: str) -> None:
    with pytest.raises(BadKey, match="No key begins with"):
        check_prefix(prefix)


@SAME_EACH_TIME
@given(good_keys.filter(lambda key: len(key) < 300) | st.just(""), digests, st.sampled_from(["", ".onnx", ".tar.gz"]))
def test_a_blobs_key_names_its_digest(prefix: str, digest: str, suffix: str) -> None:
    key = blob_key(prefix, digest, suffix)
    check_key(key)
    assert digest_named_by(key) == digest
    assert key.startswith(prefix)


def test_a_blobs_prefix_may_end_in_a_slash() -> None:
    assert blob_key("bundles/", DIGEST) == blob_key("bundles", DIGEST) == f"bundles/sha256-{DIGEST}"


@pytest.mark.parametrize(
    ("digest", "suffix"),
    [
        (DIGEST[1:], ""),
        (DIGEST.upper(), ""),
        (f"sha256:{DIGEST}", ""),
        (DIGEST, "onnx"),
        (DIGEST, "/x y"),
        (DIGEST, "."),
    ],
)
def test_what_is_no_digest_or_suffix_makes_no_blob_key(digest: str, suffix: str) -> None:
    with pytest.raises(BadKey):
        blob_key("bundles", digest, suffix)


@pytest.mark.parametrize("key", [f"code/{DIGEST}", f"snapshots/{DIGEST}.json", f"sha256-{DIGEST}/manifest.json"])
def test_other_names_are_their_owners_to_verify(key: str) -> None:
    assert digest_named_by(key) is None
