"""What it costs to read images into batches, in seconds of the processor: this process and its children together.

5,000 JPEG of 256 pixels become batches of 64 with 224 pixels, uint8, shuffled where the reader shuffles. Beside ours:
PIL under torch's DataLoader, with as many workers as cost it least; webdataset over the same shards with its usual PIL
decoder, and with OpenCV; litdata where it can be imported. With our own decoder under webdataset only the reading
around it differs, so there the goal is to cost no more. Then crops that were decoded before, against indexing a memory
map of the same file by hand. All files are in the page cache, so that disks are not compared.
"""

import importlib.util
import io
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
import webdataset  # type: ignore[import-untyped]
from PIL import Image as PillowImage
from torch.utils.data import DataLoader, Dataset

from harness import Pair
from slipway.platform.data.rows import Image
from slipway.platform.data.shards import FOLDER
from slipway.platform.data.snapshot import Snapshot
from slipway.platform.data.writer import SnapshotWriter
from slipway.training.reading.cache import Cached, cached
from slipway.training.reading.pixels import Pixels, decode, fit
from slipway.training.reading.plans import Shuffled
from slipway.training.reading.reader import Reader
from slipway.training.reading.source import Decoded, whole_images

ROOT = Path(__file__).resolve().parents[2]
IMAGES: Final = 5000
STORED: Final = (256, 256)
WANTED: Final = (224, 224)
CROP: Final = (128, 128)
BATCH: Final = 64
TRIAL: Final = 1280
GOAL: Final = 1 / 1.3
EQUAL: Final = 1.0
GATHER_GOAL: Final = 2.0
OURS: Final = "webdataset with our decoder"
Batches = Iterable[torch.Tensor]
Decoder = Callable[[bytes], torch.Tensor]


@contextmanager
def pairs() -> Iterator[list[Pair]]:
    """Decoding against each of the others, gathering against a plain gather."""
    state = ROOT / ".slipway" / "bench"
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as scratch, one_torch_thread():
        folder = Path(scratch)
        snapshot, files = make_images(folder)
        view = whole_images(snapshot, snapshot.index)
        crops = cached(Decoded(snapshot, view, CROP), folder / "cache")
        yield [*decoding_pairs(snapshot, Decoded(snapshot, view, WANTED), files), gather_pair(crops)]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Stacking images is copying: a second thread of torch would only spin, at the others' cost."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def decoding_pairs(snapshot: Snapshot, source: Decoded, files: list[Path]) -> list[Pair]:
    """Ours against each of the others, over all images."""
    reader = Reader(source, Shuffled(source.count, BATCH, seed=0))
    shards = [str(path) for path in sorted((snapshot.folder / FOLDER).iterdir())]
    workers = min((0, 2), key=lambda count: cost(lambda: consume(pil_loader(files[:TRIAL], count))))
    others: dict[str, Callable[[], Batches]] = {
        f"PIL under DataLoader with {workers} workers": lambda: pil_loader(files, workers),
        "webdataset with PIL": lambda: web_pil(shards),
        "webdataset with OpenCV": lambda: web_decoding(shards, opencv_pixels),
        OURS: lambda: web_decoding(shards, our_pixels),
    }
    if importlib.util.find_spec("litdata") is None:
        print("  litdata is not installed: not measured", flush=True)
    else:
        others["litdata"] = litdata_loader(files, snapshot.folder.parent / "litdata")
    return [
        Pair(
            name=f"JPEG 256 to 224 px, processor time per image, against {name}",
            ours=lambda: consume(batch.images for batch in reader),
            reference=lambda make=make: consume(make()),  # type: ignore[misc]
            unit="µs",
            goal=EQUAL if name == OURS else GOAL,
            times=IMAGES,
            clock=processor_seconds,
        )
        for name, make in others.items()
    ]


def gather_pair(crops: Cached) -> Pair:
    """Decoded crops, against indexing the same memory map."""
    reader = Reader(crops, Shuffled(crops.count, BATCH, seed=0))
    mapped = np.load(crops.path, mmap_mode="r")
    order = np.random.default_rng(0).permutation(crops.count)

    def gather() -> Batches:
        for begin in range(0, len(order), BATCH):
            yield torch.from_numpy(mapped[order[begin : begin + BATCH]]).permute(0, 3, 1, 2)

    rounds = 20
    return Pair(
        name="decoded crops of 128 px, processor time per crop, against indexing the memory map",
        ours=lambda: consume(batch.images for _ in range(rounds) for batch in reader),
        reference=lambda: consume(images for _ in range(rounds) for images in gather()),
        unit="µs",
        goal=GATHER_GOAL,
        times=IMAGES * rounds,
        clock=processor_seconds,
    )


class Pictures(Dataset[torch.Tensor]):
    """Files decoded by PIL, as the usual data set does it."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> torch.Tensor:
        with PillowImage.open(self._files[number]) as picture:
            return to_tensor(picture)


def pil_loader(files: list[Path], workers: int) -> Batches:
    """The loader that torch has."""
    return DataLoader(Pictures(files), batch_size=BATCH, shuffle=True, num_workers=workers, collate_fn=stack)


def web_pil(shards: list[str]) -> Batches:
    """As the documentation of webdataset uses it."""
    stream = webdataset.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("jpg").map_tuple(to_tensor)
    batches: Batches = stream.batched(BATCH, collation_fn=stack_first)
    return batches


def web_decoding(shards: list[str], decoder: Decoder) -> Batches:
    """The same shards with another decoder."""
    stream = webdataset.WebDataset(shards, shardshuffle=False).to_tuple("jpg").map_tuple(decoder)
    batches: Batches = stream.batched(BATCH, collation_fn=stack_first)
    return batches


def opencv_pixels(data: bytes) -> torch.Tensor:
    """What is faster than PIL and as easy to have."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise ValueError("OpenCV cannot decode it")
    return torch.from_numpy(cv2.resize(pixels, WANTED, interpolation=cv2.INTER_LINEAR))


def our_pixels(data: bytes) -> torch.Tensor:
    """Our decoder by itself."""
    out: Pixels = np.empty((*WANTED, 3), np.uint8)
    fit(decode(data, STORED, WANTED), out)
    return torch.from_numpy(out)


def litdata_loader(files: list[Path], folder: Path) -> Callable[[], Batches]:
    """The JPEG files as they are, in the format of litdata."""
    litdata: Any = importlib.import_module("litdata")
    litdata.optimize(fn=Path.read_bytes, inputs=files, output_dir=str(folder), chunk_bytes="64MB", num_workers=1)

    class Stream(litdata.StreamingDataset):  # type: ignore[misc]
        def __getitem__(self, index: Any) -> torch.Tensor:
            with PillowImage.open(io.BytesIO(super().__getitem__(index))) as picture:
                return to_tensor(picture)

    return lambda: litdata.StreamingDataLoader(Stream(str(folder), shuffle=True), batch_size=BATCH, collate_fn=stack)


def to_tensor(picture: PillowImage.Image) -> torch.Tensor:
    """The picture with 224 pixels, uint8, channels last."""
    small = picture.convert("RGB").resize(WANTED, PillowImage.Resampling.BILINEAR)
    return torch.from_numpy(np.array(small))


def stack(samples: list[torch.Tensor]) -> torch.Tensor:
    """A batch, stacked with the channels last and turned afterwards: the cheapest way, and ours."""
    return torch.stack(samples).permute(0, 3, 1, 2)


def stack_first(samples: list[tuple[torch.Tensor]]) -> torch.Tensor:
    """The same for samples of one field."""
    return stack([image for (image,) in samples])


def consume(batches: Batches) -> None:
    """Take every batch, and look at it so that nobody can be lazy."""
    for images in batches:
        if images.dtype != torch.uint8 or images.shape[1] != 3:
            raise ValueError(f"a batch of {images.dtype}, {tuple(images.shape)}")


def cost(work: Callable[[], object]) -> float:
    """Processor seconds of one go."""
    before = processor_seconds()
    work()
    return processor_seconds() - before


def processor_seconds() -> float:
    """What this process and its children that have ended have used."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def make_images(folder: Path) -> tuple[Snapshot, list[Path]]:
    """The same JPEG in a snapshot and as files: windows of natural-looking textures, some 12 KB each."""
    chance = np.random.default_rng(0)
    textures = [texture(chance) for _ in range(8)]
    files = []
    (folder / "files").mkdir()
    with SnapshotWriter(folder / "data") as writer:
        for number in range(IMAGES):
            top, left = chance.integers(0, textures[0].shape[0] - STORED[0], 2)
            pixels = textures[number % len(textures)][top : top + STORED[0], left : left + STORED[1]]
            _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])
            path = folder / "files" / f"{number}.jpg"
            path.write_bytes(encoded.tobytes())
            files.append(path)
            image = Image(width=STORED[1], height=STORED[0], split="train", source=path.name)
            writer.add(path.read_bytes(), image)
        writer.finish([], licence="made here")
    mean = sum(path.stat().st_size for path in files) / len(files)
    print(f"  {IMAGES} JPEG of {STORED[1]} px made, {mean / 1000:.1f} KB each in the mean", flush=True)
    return Snapshot(folder / "data"), files


def texture(chance: np.random.Generator, side: int = 1024) -> Pixels:
    """Noise of all scales, the coarse ones stronger, as surfaces have it."""
    total = np.full((side, side, 3), 128.0, np.float32)
    for cells, strength in ((4, 50), (16, 35), (64, 25), (256, 14), (side, 4)):
        noise = chance.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(total, 0, 255).astype(np.uint8)
