"""Secrets are found by line and kind, never said, and ordinary code is left alone."""

import subprocess
from pathlib import Path

import pytest

from slipway.platform.runs.code.secret_scan import refuse, scan, without_secrets
from slipway.platform.runs.errors import SecretFound

RANDOM = "q7Zt2LwX9v" + "KpR4mNc8Jd"
SECRETS = {
    "-----BEGIN " + "OPENSSH PRIVATE KEY-----": "a private key",
    "-----BEGIN " + "PRIVATE KEY-----": "a private key",
    "key = 'AKIA" + "Q3EGRZ7YHW4NBXKD'": "an AWS access key",
    "token: ghp_" + "a1B2c3D4e5" * 4: "a GitHub token",
    "x = 'github_pat_" + "a1B2c3D4e5_" * 7 + "'": "a GitHub token",
    "glpat-" + "a1B2c3D4e5F6g7H8i9J0": "a GitLab token",
    "hf_" + "aBcDeFgHiJ" * 4: "a Hugging Face token",
    "url = 'postgres" + "://ada:s3cr3tpassw0rd@db/x'": "a password in an address",
    f"password = '{RANDOM}'": "a random string given to a secret's name",
    f'"api_key": "{RANDOM}",': "a random string given to a secret's name",
    f"SECRET_TOKEN={RANDOM}": "a random string given to a secret's name",
    f"aws_secret_access_key: {RANDOM}": "a random string given to a secret's name",
}
ORDINARY = [
    "token = '" + "a_" * 500 + "1'",
    "deadbeef" * 60_000,
    "password = settings.mlflow.password",
    "secret = self.s3.secret_access_key",
    "token = read_the_token_from_the_environment()",
    "password: str | None = None",
    "secret_access_key = SecretStr('not-a-secret')",
    "api_key = 'YOUR_API_KEY_GOES_HERE'",
    f"sha256 = '{'0123456789abcdef' * 4}'",
    f"url = 'https://example.com/{RANDOM}'",
    "token_count = 1234567890123456",
    "f'{scheme}://{user}:{password}@{host}'",
    "http://user:password@example.com" + f"  # not-a-secret {RANDOM}",
]


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret_is_found_where_it_stands(line: str) -> None:
    found = scan("model/task.py", f"import torch\n\n{line}\n".encode())
    assert [str(one) for one in found] == [f"model/task.py:3: {SECRETS[line]}"]


@pytest.mark.parametrize("line", SECRETS)
def test_a_remark_passes_a_line(line: str) -> None:
    assert scan("x", f"{line}  # not-a-secret".encode()) == []


@pytest.mark.parametrize("line", ORDINARY)
def test_ordinary_code_is_left_alone(line: str) -> None:
    assert scan("x", line.encode()) == []


def test_nothing_in_our_own_packages_looks_like_a_secret() -> None:
    root = Path(__file__).parents[5]
    files = subprocess.run(
        ["git", "ls-files", "-z", "platform", "training", "serving"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")
    there = [root / name for name in files if name and (root / name).is_file()]
    assert [str(one) for path in there for one in scan(str(path), path.read_bytes())] == []


def test_what_is_no_text_is_passed() -> None:
    assert scan("weights.bin", b"\0\1-----BEGIN " + b"PRIVATE KEY-----") == []


def test_the_refusal_names_a_few_and_how_to_go_on() -> None:
    findings = scan("task.py", "\n".join(SECRETS).encode())
    with pytest.raises(
        SecretFound, match=r"(?s)looks like 12 secrets:\ntask\.py:1: .* and 7 more\nTake it out"
    ) as refused:
        refuse(findings, "The code")
    assert RANDOM not in str(refused.value)
    assert "# not-a-secret" in (refused.value.mend or "")


def test_in_a_text_secrets_are_masked_and_the_rest_stays() -> None:
    key = "+-----BEGIN " + "RSA PRIVATE KEY-----\n+MIIEpAIBAAKCAQEA\n+-----END " + "RSA PRIVATE KEY-----\n"
    text = f"+lr = 0.1\n+password = '{RANDOM}'\n{key}+after = 1\n"
    masked, count = without_secrets(text)
    assert (RANDOM in masked, "MIIEp" in masked, count) == (False, False, 2)
    assert masked.startswith("+lr = 0.1\n+password = '********'\n")
    assert masked.endswith("+after = 1\n")
