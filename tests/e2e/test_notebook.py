"""The tutorial's notebook, run from top to bottom in an empty folder, as Jupyter would."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = [pytest.mark.xdist_group("notebook"), pytest.mark.timeout(300)]

NOTEBOOK = Path(__file__).parents[2] / "docs/tutorial/notebook.ipynb"
MOST_SECONDS = 200
NOWHERE = "http://127.0.0.1:9"
LOOP = "import asyncio\nprint(asyncio.get_running_loop().is_running(), runs.get('first-try').state)"
Cell = Any


class Shown:
    """A notebook that was run, and the folder that it was run in."""

    def __init__(self, folder: Path, cells: list[Cell]) -> None:
        self.folder = folder
        self._cells = [cell for cell in cells if cell.cell_type == "code"]

    def cell(self, text: str) -> Cell:
        """The first cell with this in it; lines have their ends."""
        return next(cell for cell in self._cells if text in f"{cell.source}\n")

    def printed(self, text: str) -> str:
        """What it wrote, to either stream."""
        return "".join(output.text for output in self.cell(text).outputs if output.output_type == "stream")

    def data(self, text: str) -> dict[str, str]:
        """What it showed, by type."""
        shown = [output.data for output in self.cell(text).outputs if "data" in output]
        return {kind: value for data in shown for kind, value in data.items()}


@pytest.fixture(scope="module")
def stored() -> Any:
    """The notebook as it is kept."""
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def shown(stored: Any, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """What it shows on a machine of somebody's own that reaches nobody."""
    home = tmp_path_factory.mktemp("notebook")
    folder = home / "project"
    folder.mkdir()
    book = nbformat.from_dict(stored.copy())  # type: ignore[no-untyped-call]
    book.cells = [*book.cells, nbformat.v4.new_code_cell(LOOP)]  # type: ignore[no-untyped-call]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, NOWHERE)
        client = NotebookClient(book, timeout=MOST_SECONDS, resources={"metadata": {"path": str(folder)}})
        client.execute()
    return Shown(folder, book.cells)


def test_it_is_kept_without_anything_that_a_machine_put_into_it(stored: Any) -> None:
    assert stored.metadata.kernelspec.name == "python3"
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert code
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert [path for path in ("/home/", "/Users/", "/root/", "/tmp/") if path in text] == []  # noqa: S108


def test_commands_render_train_and_return_what_is_done(shown: Shown) -> None:
    assert "images" in shown.printed("world render")
    trained = shown.printed("--name first-try")
    assert "first-try: attempt 1" in trained
    assert "over the baseline" in trained
    assert "done already" in shown.printed("max_epochs=8 --snapshot small-world\n")
    assert "second-try" in shown.printed("--name second-try")


def test_the_run_tells_its_metrics_and_its_config(shown: Shown) -> None:
    assert "first-try of bay-occupancy" in shown.data("runs.get(")["text/plain"]
    assert "'test/accuracy'" in shown.data("run.metrics")["text/plain"]
    assert "'lr': 0.003" in shown.data("run.config")["text/plain"]
    assert "image/png" in shown.data("run.history()")


def test_the_judgement_is_shown_with_intervals_over_all_and_for_slices(shown: Shown) -> None:
    overall = shown.data("judgement = run.evaluation")["text/plain"]
    assert overall.splitlines()[0].split() == ["value", "low", "high", "units"]
    assert {"accuracy", "auroc"} <= {line.split()[0] for line in overall.splitlines()[1:]}
    assert {"light", "weather"} <= {line.split()[0] for line in shown.data("slices = ")["text/plain"].splitlines()}
    assert "accuracy" in shown.data('judgement["differences"]')["text/plain"]


def test_predictions_are_a_table_and_the_worst_samples_a_picture(shown: Shown) -> None:
    assert {"sample", "free", "occupied"} <= set(shown.data("run.predictions()")["text/plain"].split())
    assert "image/png" in shown.data("run.worst(")


def test_two_runs_are_compared_and_it_is_said_why_they_differ(shown: Shown) -> None:
    compared = shown.printed("slipway compare").split()
    assert {"optimizer.lr", "0.003", "0.0001"} <= set(compared)
    assert "1 key of the config differs" in shown.printed("slipway why")
    assert "gap" in shown.data("both.sort_values")["text/plain"]


def test_all_of_it_happens_beside_a_running_event_loop(shown: Shown) -> None:
    assert shown.printed("get_running_loop").split() == ["True", "done"]


def test_what_it_makes_stays_in_its_folder(shown: Shown) -> None:
    assert {path.name for path in shown.folder.iterdir()} == {".slipway", "small-world"}
