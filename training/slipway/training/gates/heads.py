"""Raw heads of all rows: of a variant through the device's runtime, of the checkpoint through torch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from slipway.platform.errors import WrongUse
from slipway.serving.bundle.contract import Contract
from slipway.serving.runtime.errors import ModelUnfit
from slipway.serving.runtime.session import Session
from slipway.training.gates.records import HeadDifference
from slipway.training.reading.plans import Sequential
from slipway.training.reading.reader import Reader
from slipway.training.reading.source import Source

if TYPE_CHECKING:
    from slipway.platform.data.snapshot import Snapshot
    from slipway.training.task import Task

Array = npt.NDArray[np.generic]
Heads = Mapping[str, Array]
Answer = Callable[[npt.NDArray[np.uint8]], Heads]
"""The heads of a batch of uint8 images (N, 3, height, width)."""
Progress = Callable[[int, int], None]
BATCH: Final = 16
USUAL: Final = 0.9999


def heads_of(source: Source, answer: Answer, batch: int, progress: Progress) -> Heads:
    """The heads of all rows in their order; the last batch may be shorter."""
    plan = Sequential(source.count, batch)
    pieces: list[Heads] = []
    with Reader(source, plan, threads=1) as reader:
        for one in reader:
            pieces.append(answer(np.ascontiguousarray(one.images.numpy())))
            progress(one.step + 1, plan.epoch_steps)
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def batch_of(contract: Contract) -> int:
    """How many images are given at once: what the contract allows."""
    span = contract.dims.get(str(contract.inputs[0].dims[0]))
    first = contract.inputs[0].dims[0]
    return min(BATCH, span.most) if span else first if isinstance(first, int) else BATCH


def check_input(contract: Contract, source: Source) -> None:
    """The images that the model's task reads are those that the contract asks for."""
    if len(contract.inputs) != 1:
        raise WrongUse(f"The bundle has {len(contract.inputs)} inputs; images alone can be judged.")
    given = contract.inputs[0]
    if given.dtype != "uint8" or given.dims[1:] != (3, *source.size):
        raise WrongUse(
            f"The bundle takes {given.dtype} {list(given.dims)}; the model's task reads uint8 images of "
            f"{source.size[0]} x {source.size[1]}.",
            mend="Give the contract that the model declares in its model.yaml.",
        )


def answer_of_network(task: "Task[Any]", snapshot: "Snapshot", weights: Path) -> Answer:
    """The heads of a batch, by torch and with the weights behind the bundle."""
    from slipway.training.export.network import answers, trained

    network = trained(task, task.examples(snapshot, "train"), weights)
    return lambda images: answers(network, images, None)


def answer_of_session(session: Session, contract: Contract) -> Answer:
    """The heads of a batch, by the device's runtime; a batch of fixed size is filled up."""
    given = contract.inputs[0]
    fixed = given.dims[0] if isinstance(given.dims[0], int) else None

    def answer(images: npt.NDArray[np.uint8]) -> Heads:
        count = len(images)
        if fixed is not None and count < fixed:
            images = np.concatenate([images, np.zeros((fixed - count, *images.shape[1:]), np.uint8)])
        return {name: head[:count] for name, head in session.run({given.name: images}).items()}

    return answer


def check_finite(heads: Heads) -> None:
    """Refuse answers that are no numbers: half precision overflows where nobody expects it."""
    for name, head in heads.items():
        broken = np.count_nonzero(~np.isfinite(head.astype(np.float64)))
        if broken:
            raise ModelUnfit(f"`{name}` holds {broken:,} values that are no finite number.")


def differences(heads: Heads, wanted: Heads) -> dict[str, HeadDifference]:
    """By output; those that only one of the two has are left out."""
    return {name: _difference(heads[name], wanted[name]) for name in wanted if name in heads}


def _difference(first: Array, second: Array) -> HeadDifference:
    apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
    if not apart.size:
        return HeadDifference(greatest=0.0, usual=0.0)
    return HeadDifference(greatest=float(apart.max()), usual=float(np.quantile(apart, USUAL)))
