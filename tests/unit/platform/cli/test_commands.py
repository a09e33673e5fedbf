"""What a person sees at the prompt: results, errors, exit codes."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = str(Path(sys.executable).parent / "slipway")
FILE = """\
[contexts.dev]
store.url = "s3://dev/store"
mlflow.tracking_uri = "https://someone:hunter2@mlflow.example.com"
[contexts.prod]
protected = true
"""


@pytest.fixture(autouse=True)
def settings_file(project: Path) -> None:
    (project / "slipway.toml").write_text(FILE)


def test_help_lists_every_command_in_plain_text_when_piped(slipway: Any) -> None:
    result = slipway("--help")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert "╭" not in result.stdout
    for command in ("config", "context", "doctor", "identity"):
        assert f"\n  {command} " in result.stdout


def test_without_arguments_the_help_is_shown(slipway: Any) -> None:
    assert slipway().stdout == slipway("--help").stdout


def test_version_names_the_program(slipway: Any) -> None:
    assert slipway("--version").stdout.startswith("slipway ")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("contxt",), "Did you mean 'context'?"),
        (("context", "shwo"), "Did you mean 'show'?"),
        (("config", "show", "--jsn"), "--json"),
        (("config", "show", "stor"), "Did you mean `store`?"),
        (("context", "use", "prd"), "Did you mean `prod`?"),
        (("--context", "prd", "config", "show"), "Did you mean `prod`?"),
        (("context",), "Missing command"),
    ],
)
def test_wrong_use_is_one_message_with_the_nearest_name_and_code_2(
    slipway: Any, arguments: tuple[str, ...], expected: str
) -> None:
    result = slipway(*arguments)
    assert result.returncode == 2
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_context_list_marks_the_current_one(slipway: Any) -> None:
    listed = json.loads(slipway("context", "list", "--json").stdout)
    assert [(one["name"], one["current"], one["protected"]) for one in listed] == [
        ("local", True, False),
        ("dev", False, False),
        ("prod", False, True),
    ]
    assert "*  local" in slipway("context", "list").stdout


def test_context_use_holds_for_later_commands_and_says_when_a_variable_goes_before_it(slipway: Any) -> None:
    result = slipway("context", "use", "prod", SLIPWAY_CONTEXT="dev")
    assert result.returncode == 0
    assert "SLIPWAY_CONTEXT=dev" in result.stderr
    assert json.loads(slipway("context", "show", "--json").stdout)["name"] == "prod"
    assert json.loads(slipway("--context", "dev", "context", "show", "--json").stdout)["name"] == "dev"


def test_a_chosen_context_that_is_gone_can_be_replaced(slipway: Any, project: Path) -> None:
    slipway("context", "use", "prod")
    (project / "slipway.toml").write_text("[contexts.dev]\n")
    assert slipway("context", "show").returncode == 2
    assert slipway("context", "use", "dev").returncode == 0
    assert slipway("context", "show").returncode == 0


def test_config_show_tells_value_and_origin_and_masks_secrets(slipway: Any) -> None:
    result = slipway("--context", "dev", "config", "show", "--json", SLIPWAY_S3__SECRET_ACCESS_KEY="hunter3")
    entries = {entry["key"]: entry for entry in json.loads(result.stdout)}
    assert entries["store.url"]["value"] == "s3://dev/store"
    assert entries["store.url"]["origin"] == {"kind": "file", "name": "slipway.toml", "line": 2}
    assert entries["s3.secret_access_key"]["origin"]["name"] == "SLIPWAY_S3__SECRET_ACCESS_KEY"
    assert entries["mlflow.tracking_uri"]["value"] == "https://someone:********@mlflow.example.com"
    for output in (result.stdout, slipway("--context", "dev", "context", "show").stdout):
        assert "hunter" not in output


def test_a_typing_slip_in_the_file_is_one_message_with_its_line(slipway: Any, project: Path) -> None:
    (project / "slipway.toml").write_text('[contexts.dev]\nstore.ulr = "s3://x"\n')
    result = slipway("config", "show")
    assert result.returncode == 2
    assert "slipway.toml:2: `contexts.dev.store.ulr` is not a setting" in result.stderr
    assert "Did you mean `url`?" in result.stderr


def test_a_bug_is_one_message_and_the_traceback_comes_on_request(slipway: Any, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import slipway.platform.cli.session as s\ns.load_settings = lambda: 1 / 0\n"
    )
    quiet = slipway("config", "show", PYTHONPATH=str(broken))
    assert quiet.returncode == 1
    assert "Traceback" not in quiet.stderr
    assert "ZeroDivisionError" in quiet.stderr
    assert "SLIPWAY_DEBUG=1" in quiet.stderr
    assert "Traceback" in slipway("config", "show", PYTHONPATH=str(broken), SLIPWAY_DEBUG="1").stderr


def test_an_unreadable_file_is_one_message(slipway: Any, project: Path) -> None:
    (project / "slipway.toml").unlink()
    (project / ".slipway").write_text("a file where the folder should be")
    result = slipway("context", "use", "local")
    assert result.returncode == 1
    assert ".slipway" in result.stderr
    assert "Traceback" not in result.stderr


def in_bash(command: str, project: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """A line as a shell runs it, in the project."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=project,
        env={"HOME": str(home), "PATH": f"{Path(SCRIPT).parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("reader", ["head -c 1", "true"])
def test_a_reader_that_leaves_early_is_no_error(project: Path, tmp_path: Path, reader: str) -> None:
    for _ in range(3):
        result = in_bash(f"set -o pipefail; slipway config show --json | {reader}", project, tmp_path)
        assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(project: Path, tmp_path: Path, closed: str) -> None:
    result = in_bash(f"slipway config show {closed}", project, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_question_that_nobody_can_answer_is_wrong_use(project: Path, tmp_path: Path) -> None:
    result = in_bash("slipway --context prod identity init ada <&-", project, tmp_path)
    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert in_bash("slipway --context prod identity init ada --dry-run <&-", project, tmp_path).returncode == 0
    assert in_bash("slipway --context prod identity init ada --yes <&-", project, tmp_path).returncode == 0


def test_a_folder_that_is_gone_is_one_message(project: Path, tmp_path: Path) -> None:
    result = in_bash("mkdir gone && cd gone && rmdir ../gone && slipway config show", project, tmp_path)
    assert result.returncode == 2
    assert "no longer exists" in result.stderr


def test_a_password_inside_an_address_is_never_printed(slipway: Any) -> None:
    refused = slipway("doctor", SLIPWAY_STORE__URL="s3://ada:hunter2@bucket/x")
    unreachable = slipway("doctor", SLIPWAY_MLFLOW__TRACKING_URI="http://ada:hunter2@127.0.0.1:9")
    wrong = slipway("config", "show", SLIPWAY_STORE__ATTEMPTS="http://ada:hunter2@x")
    for result in (refused, unreachable, wrong):
        assert result.returncode != 0
        assert "hunter2" not in result.stdout + result.stderr


def test_completion_offers_commands_and_their_options(slipway: Any) -> None:
    def complete(words: str, position: int) -> list[str]:
        variables = {"_SLIPWAY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
        output: str = slipway(**variables).stdout
        return output.split()

    assert complete("slipway con", 1) == ["context", "config"]
    assert complete("slipway context ", 2) == ["list", "use", "show"]
    assert complete("slipway config show --js", 3) == ["--json"]
    assert complete("slipway context use ", 3) == ["local", "dev", "prod"]
    assert complete("slipway --context p", 2) == ["prod"]


def test_completion_is_offered_at_the_top_level_alone(slipway: Any) -> None:
    assert "--install-completion" in slipway("--help").stdout
    for command in ("config", "context", "doctor", "identity"):
        assert "--install-completion" not in slipway(command, "--help").stdout


def test_a_terminal_gets_colour_and_frames(project: Path, tmp_path: Path) -> None:
    output = _in_terminal(
        [SCRIPT, "--help"], project, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "xterm"}
    )
    assert "\x1b[" in output
    assert "╭" in output


def _in_terminal(command: list[str], cwd: Path, environ: dict[str, str]) -> str:
    """What a command writes when its output is a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, cwd=cwd, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    collected = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        collected += chunk
    child.wait(timeout=30)
    os.close(ours)
    return collected.decode()


def test_a_broken_table_of_commands_takes_only_its_own_away(slipway: Any, tmp_path: Path) -> None:
    site = tmp_path / "site"
    broken = site / "broken-1.0.dist-info"
    broken.mkdir(parents=True)
    (broken / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (broken / "entry_points.txt").write_text("[slipway.commands]\nbroken = no_such_module:COMMANDS\n")
    result = slipway("--help", PYTHONPATH=str(site))
    assert result.returncode == 0
    assert "\n  doctor " in result.stdout
    assert "`broken` are left out" in result.stderr
