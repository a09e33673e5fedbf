"""What is given to people to label: rows of a snapshot and pictures of devices, as one sheet."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from slipway.pipelines.labelling.devices import fresh_of, not_in, origin, shots
from slipway.pipelines.labelling.standing import rows_of, view_of
from slipway.pipelines.labelling.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from slipway.platform.data.labels.sheets import Kind, Picture, Sheet
    from slipway.platform.data.snapshot import Snapshot
    from slipway.platform.settings import Loaded

OPEN: Final = ("unlabelled", "auto", "disputed")
"""States in which a row waits for a person."""
As = Literal["boxes", "choices"]


@dataclass(frozen=True)
class Asked:
    """Which rows are given, and how."""

    task: Task | None = None
    model: str | None = None
    where: str | None = None
    states: tuple[str, ...] = OPEN
    kind: As | None = None
    categories: tuple[str, ...] = ()
    """To choose from besides those that are known."""
    blind: bool = False
    """Without what was said so far, so that a second person does not just nod."""
    most: int | None = None

    @property
    def about(self) -> str | None:
        """The model that it is for."""
        return self.task.model if self.task is not None else self.model


def to_label(loaded: "Loaded", snapshot: "Snapshot | None", asked: Asked) -> "list[Picture]":
    """The images that wait, with what was said of them; pictures of devices first."""
    found = [*_of_devices(loaded, snapshot, asked), *_of_snapshot(snapshot, asked)]
    return found[: asked.most]


def sheet_of(name: str, pictures: "Sequence[Picture]", snapshot: "Snapshot | None", asked: Asked) -> "Sheet":
    """The same for a tool, with the categories to choose from."""
    from dataclasses import replace

    from slipway.platform.data.labels.sheets import Sheet

    kind = asked.kind or kind_for(snapshot, asked.about, pictures)
    categories = (*categories_for(snapshot, asked.about), *asked.categories)
    said = dict.fromkeys((*categories, *sorted({mark.category for one in pictures for mark in one.marks})))
    if asked.blind:
        pictures = [replace(one, marks=(), state="unlabelled", author=None) for one in pictures]
    return Sheet(name, tuple(pictures), tuple(said), kind)


def categories_for(snapshot: "Snapshot | None", model: str | None) -> list[str]:
    """What the model's contract names, then what rows of its view are called; without a model, of all rows."""
    from slipway.platform.data.columns import distinct, where, within

    named = contracted(model) if model is not None else []
    if snapshot is None:
        return named
    index = view_of(snapshot, model) if model is not None else snapshot.index
    boxes = where(snapshot.boxes, within(snapshot.boxes["sample"], index["sample"]))
    return list(dict.fromkeys((*named, *distinct(boxes["category"]))))


def kind_for(snapshot: "Snapshot | None", model: str | None, pictures: "Sequence[Picture]") -> "Kind":
    """Boxes, or a category for each image: as the model's contract has it, else as rows are labelled."""
    from slipway.platform.data.labels.sheets import kind_of, pictures_of

    if model is not None and _finds_boxes(model):
        return "boxes"
    if model is not None and contracted(model):
        return "choices"
    if (found := kind_of(pictures)) is not None or snapshot is None:
        return found or "boxes"
    index = view_of(snapshot, model) if model is not None else snapshot.index
    return kind_of(pictures_of(snapshot, index.slice(0, 200))) or "boxes"


def _of_snapshot(snapshot: "Snapshot | None", asked: Asked) -> "Iterator[Picture]":
    from slipway.platform.data.columns import where, within
    from slipway.platform.data.labels.sheets import pictures_of

    if snapshot is None:
        return
    index = _rows(snapshot, asked)
    yield from pictures_of(snapshot, where(index, within(index["label_state"], asked.states)))


def _rows(snapshot: "Snapshot", asked: Asked) -> "pa.Table":
    from slipway.platform.data.columns import where, within
    from slipway.platform.data.selection import select

    chosen = select(snapshot, asked.where)
    if asked.task is not None:
        return where(chosen, within(chosen["sample"], rows_of(asked.task, snapshot)["sample"]))
    if asked.model is not None:
        return where(chosen, within(chosen["sample"], view_of(snapshot, asked.model)["sample"]))
    return chosen


def _of_devices(loaded: "Loaded", snapshot: "Snapshot | None", asked: Asked) -> "Iterator[Picture]":
    """Pictures of the task that no snapshot has yet, where states ask for what nobody labelled."""
    from slipway.platform.data.labels.history import labels_of
    from slipway.platform.data.labels.sheets import Picture
    from slipway.platform.data.rows import box_row, image_row

    if asked.task is None or asked.where is not None:
        return
    index = snapshot.index if snapshot is not None else None
    have = set(index["sample"].to_pylist()) if index is not None else set()
    for shot in shots(loaded, not_in(snapshot, asked.task.wanted.pictures)):
        fresh = fresh_of(shot, index)
        if shot.sample in have or fresh.image.label_state not in asked.states:
            continue
        boxes = [box_row(shot.sample, box) for box in fresh.boxes]
        labels = labels_of(image_row(shot.sample, fresh.image), boxes)
        yield Picture(
            sample=shot.sample,
            width=fresh.image.width,
            height=fresh.image.height,
            source=fresh.image.source,
            marks=labels.marks,
            state=labels.state,
            author=labels.author,
            about=origin(shot.kept),
            data=fresh.data,
        )


def contracted(model: str) -> list[str]:
    """The categories that a model's contract names."""
    from slipway.platform.models.finder import model_named

    outputs = model_named(model).declaration.export.outputs
    return list(dict.fromkeys(label for one in outputs for label in one.labels))


def _finds_boxes(model: str) -> bool:
    from slipway.platform.models.finder import model_named

    return any(one.name == "boxes" for one in model_named(model).declaration.export.outputs)
