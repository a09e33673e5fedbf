"""From settings to a store, without touching either."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from slipway.platform.errors import WrongUse
from slipway.platform.settings import schema
from slipway.platform.store import open_store


def test_a_path_is_a_directory_and_is_not_made(tmp_path: Path) -> None:
    store = open_store(schema.Store(url=str(tmp_path / "store")), schema.S3())
    assert store.url == str(tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_store(schema.Store(url="~/store"), schema.S3()).url == str(tmp_path / "store")


@pytest.mark.parametrize(
    ("given", "url"),
    [("s3://bucket", "s3://bucket"), ("s3://bucket/", "s3://bucket"), ("s3://bucket/a/b/", "s3://bucket/a/b")],
)
def test_a_bucket_may_have_a_prefix(given: str, url: str) -> None:
    settings = schema.S3(endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key=SecretStr("b"))
    assert open_store(schema.Store(url=given), settings).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gs://bucket",
        "http://127.0.0.1",
        "s3://",
        "s3:///prefix",
        "s3://a b/c",
        "s3://bucket/../x",
        "s3://bucket//x",
    ],
)
def test_what_is_no_address_is_refused_with_the_setting(url: str) -> None:
    with pytest.raises(WrongUse) as caught:
        open_store(schema.Store(url=url), schema.S3())
    assert f"`{url}`" in str(caught.value)
    assert "SLIPWAY_STORE__URL" in str(caught.value.mend)


def test_the_s3_client_is_loaded_by_those_who_need_it_only(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom slipway.platform.settings import schema\nfrom slipway.platform.store import open_store\n"
        f"store = open_store(schema.Store(url={str(tmp_path / 'store')!r}), schema.S3()); store.put('a', b'1')\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'boto3', 'botocore', 'urllib3'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
