"""`make images`: build what jobs or services run in, and print the digest that the settings or the overlay want.

The build context is made in a folder of its own: the Dockerfile, the lock's lines for what runs there, and for jobs the
runner as a wheel, for services a clone of the commit. Docker or buildah builds it, whichever works here; `--context
FOLDER` leaves the folder for any other builder. The same commit and lock give the same tag.

An image has its digest only when a registry has it: without `--push` there is a tag, and nothing for the settings.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

from pins import is_accelerator, read_pins
from progress import step
from slipway.platform.runs.code.lock import lock_part
from workspace import LOCK, ROOT

DOCKER: Final = ROOT / "infra" / "docker"
DOCKERFILE: Final = DOCKER / "train" / "Dockerfile"
TORCH: Final = {"cpu": "cpu", "cuda": ""}
"""torch's build of each variant, as uv calls it; empty takes the package index's own, which is made for CUDA."""
DIGITS: Final = 12
REACHING: Final = ("psycopg2-binary",)
"""What no package asks for, and services need: the way to PostgreSQL."""
BUILDING: Final = ("hatchling", "editables")
"""What the project's packages are installed with."""


class ImagesFailed(Exception):
    """No image; the message says what to do."""


@dataclass(frozen=True)
class Image:
    """One of those that there are."""

    name: str
    inside: tuple[str, ...]
    """Our distributions whose dependencies are in it."""
    setting: str
    """Where its digest is to stand, with `{0}` for the repository and `{1}` for the digest."""

    @property
    def called(self) -> str:
        """In a registry and on this machine."""
        return f"slipway-{self.name}"

    @property
    def dockerfile(self) -> Path:
        """How it is made."""
        return DOCKER / self.name / "Dockerfile"


TRAIN: Final = Image(
    "train", ("slipway-platform", "slipway-training"), 'for slipway.toml:\nkubernetes.image = "{0}@{1}"'
)
"""What the runner imports, and what the code of models does."""
SERVICES: Final = Image(
    "services",
    ("slipway-platform", "slipway-training", "slipway-serving", "slipway-pipelines"),
    "for the overlay's kustomization.yaml:\n"
    "images: [{{ name: registry.example.com/slipway-services, newName: {0}, digest: {1} }}]",
)
IMAGES: Final = {one.name: one for one in (TRAIN, SERVICES)}


@dataclass(frozen=True)
class Build:
    """What a builder is asked for."""

    image: Image

    context: Path
    variant: str
    torch: str
    uv: str
    base: str | None
    lock: str
    """Digest of the lock's lines."""
    revision: str
    tag: str
    secret: Path | None
    """uv's settings: a package index with its password."""

    @property
    def local(self) -> str:
        """The image's name on this machine."""
        return f"localhost/{self.image.called}:{self.tag}"

    def arguments(self) -> list[str]:
        """Those that both builders understand."""
        values = {
            "VARIANT": self.variant,
            "TORCH": self.torch,
            "UV": self.uv,
            "LOCK": self.lock,
            "REVISION": self.revision,
        }
        if self.base:
            values["BASE"] = self.base
        told = [word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")]
        secret = ["--secret", f"id=uv,src={self.secret}"] if self.secret else []
        return ["--file", str(self.context / "Dockerfile"), "--tag", self.local, *told, *secret]


@dataclass(frozen=True)
class Builder:
    """A program that builds images."""

    name: str
    probe: tuple[str, ...]
    """Succeeds where the program can build."""

    def trouble(self) -> str | None:
        """Why it cannot build here."""
        if shutil.which(self.name) is None:
            return "not installed"
        done = subprocess.run(self.probe, capture_output=True, text=True, check=False)
        lines = (done.stderr or done.stdout).strip().splitlines()
        return None if done.returncode == 0 else (lines[-1] if lines else f"`{' '.join(self.probe)}` failed")

    def build(self, build: Build, extra: Sequence[str]) -> list[str]:
        """The command that makes the image."""
        head = ["docker", "buildx", "build", "--load"] if self.name == "docker" else ["buildah", "build", "--layers"]
        return [*head, *build.arguments(), *extra, str(build.context)]

    def push(self, build: Build, remote: str, note: Path) -> list[list[str]]:
        """The commands that give it to a registry; buildah writes the digest into `note`."""
        if self.name == "docker":
            return [["docker", "tag", build.local, remote], ["docker", "push", remote]]
        return [["buildah", "push", "--digestfile", str(note), build.local, f"docker://{remote}"]]

    def digest(self, remote: str, note: Path) -> str:
        """What the registry calls it."""
        if self.name == "buildah":
            return note.read_text().strip()
        command = ["docker", "image", "inspect", "--format", "{{json .RepoDigests}}", remote]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        repository = remote.rpartition(":")[0]
        found: list[str] = [one for one in json.loads(told) if one.startswith(f"{repository}@")]
        if not found:
            raise ImagesFailed(f"docker knows no digest of {remote} after the push; `docker push {remote}` shows it.")
        return found[0].partition("@")[2]


BUILDERS: Final = (Builder("docker", ("docker", "info")), Builder("buildah", ("buildah", "info")))


def choose(wanted: str | None) -> Builder:
    """The named builder, or the first that works."""
    told = []
    for builder in BUILDERS:
        if wanted in {None, builder.name}:
            trouble = builder.trouble()
            if trouble is None:
                return builder
            told.append(f"  {builder.name}: {trouble}")
    raise ImagesFailed(
        "No program that builds images works here:\n" + "\n".join(told) + "\n"
        "Start Docker, or install buildah (it needs no daemon: apt-get install buildah). `make images "
        "ARGS='--context FOLDER'` writes what any other builder needs."
    )


def lines_of_lock(root: Path, image: Image = TRAIN) -> list[str]:
    """The lock's lines for what is inside, without what belongs to one kind of GPU."""
    lines = [line for line in lock_part(root, image.inside) if not is_accelerator(line.partition("==")[0])]
    return sorted({*lines, *pinned(REACHING)}) if image is SERVICES else lines


def pinned(names: Sequence[str]) -> list[str]:
    """The lock's lines of these."""
    pins = read_pins(LOCK)
    return [f"{name}=={pins[canonicalize_name(name)]}" for name in names]


def make_context(folder: Path, image: Image = TRAIN) -> str:
    """Fill the build context; the digest of what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ImagesFailed(f"{folder} is not empty. Name another folder, or empty this one.")
    shutil.copy(image.dockerfile, folder / "Dockerfile")
    (folder / "requirements.lock").write_text("\n".join(lines_of_lock(ROOT, image)) + "\n")
    commit = ""
    if image is SERVICES:
        (folder / "build.lock").write_text("\n".join(pinned(BUILDING)) + "\n")
        commit = clone(ROOT, folder / "project")
    else:
        build_runner(folder / "wheels")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "project" not in path.parts[:-1])
    told = [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    return hashlib.sha256("\n".join([*told, commit]).encode()).hexdigest()


def build_runner(folder: Path) -> None:
    """The runner's wheel."""
    wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(wheel, cwd=ROOT / "platform", capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImagesFailed(f"The runner's wheel could not be built:\n{done.stderr.strip()}")


def clone(root: Path, folder: Path) -> str:
    """The project as its newest commit has it, with all of its history; the commit. What is not committed stays out."""
    if revision(root).endswith("-dirty"):
        print("images: the work tree has changes that are not committed; the image has the commit without them.")
    commands = (
        ["git", "clone", "--quiet", "--no-hardlinks", "--single-branch", str(root), str(folder)],
        ["git", "-C", str(folder), "remote", "remove", "origin"],
        ["git", "-C", str(folder), "rev-parse", "HEAD"],
    )
    said = ""
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ImagesFailed(f"The project could not be cloned:\n{done.stderr.strip()}")
        said = done.stdout.strip()
    return said


def revision(root: Path) -> str:
    """The commit, marked where the work tree has more than that."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def plan(options: argparse.Namespace, folder: Path) -> Build:
    """Make the context, and say what is to be built from it."""
    image = IMAGES[options.image]
    digest = make_context(folder, image)
    return Build(
        image=image,
        context=folder,
        variant=options.variant,
        torch=TORCH[options.variant] if options.torch is None else options.torch,
        uv=str(read_pins(LOCK)[canonicalize_name("uv")]),
        base=options.base,
        lock=hashlib.sha256((folder / "requirements.lock").read_bytes()).hexdigest(),
        revision=revision(ROOT),
        tag=f"{options.variant}-{digest[:DIGITS]}",
        secret=options.uv_config,
    )


def run(command: Sequence[str], *, dry_run: bool) -> None:
    """Show the command, and call it."""
    print(f"$ {' '.join(command)}", flush=True)
    if not dry_run and subprocess.run(command, check=False).returncode:
        raise ImagesFailed(f"`{' '.join(command[:3])}` failed; its own words are above.")


def make(options: argparse.Namespace, folder: Path) -> None:
    """Build, push where that is asked, and tell the setting."""
    build = plan(options, folder)
    if options.context:
        print(f"images: {folder} is the build context of {build.local}. The Dockerfile's arguments:")
        print(f"  {' '.join(build.arguments())}")
        return
    if options.base is None or "@sha256:" not in options.base:
        print("images: the base is taken by its tag, whatever that is today; `--base NAME@sha256:DIGEST` fixes it.")
    builder = Builder(options.builder or "docker", ()) if options.dry_run else choose(options.builder)
    with step(f"images: {build.local} with {builder.name}"):
        run(builder.build(build, options.extra), dry_run=options.dry_run)
    if options.push is None:
        push = f"--push REGISTRY/{build.image.called}"
        print(f"images: {build.local} is on this machine. `{push}` gives it a digest for the settings.")
        return
    remote, note = f"{options.push}:{build.tag}", folder.with_suffix(".digest")
    with step(f"images: to {remote}"):
        for command in builder.push(build, remote, note):
            run(command, dry_run=options.dry_run)
    digest = "sha256:..." if options.dry_run else builder.digest(remote, note)
    print(f"images: {build.image.setting.format(options.push, digest)}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; what follows `--` goes to the builder."""
    parser = argparse.ArgumentParser(prog="make images", description=__doc__)
    parser.add_argument("--image", choices=sorted(IMAGES), default=TRAIN.name, help="what is to run in it")
    parser.add_argument("--variant", choices=sorted(TORCH), default="cpu", help="which build of torch")
    parser.add_argument("--torch", metavar="BUILD", help="as uv names it (cu126 ...); '' takes the index's own")
    parser.add_argument("--base", metavar="IMAGE", help="another system with Python 3.11, best by digest")
    parser.add_argument("--push", metavar="REPOSITORY", help="registry and name to push to, without a tag")
    parser.add_argument("--builder", choices=[one.name for one in BUILDERS], help="instead of the first that works")
    parser.add_argument("--uv-config", type=Path, metavar="FILE", help="uv.toml with another package index; stays out")
    parser.add_argument("--context", type=Path, metavar="FOLDER", help="write the build context there and stop")
    parser.add_argument("--dry-run", action="store_true", help="show the commands and call none")
    parser.add_argument("extra", nargs="*", metavar="-- ARGUMENTS", help="for the builder")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it; 1 when there is no image, 130 when it was interrupted."""
    options = parse(arguments)
    try:
        if options.context:
            make(options, options.context)
        else:
            with tempfile.TemporaryDirectory(prefix="slipway-images-") as place:
                make(options, Path(place) / "context")
    except ImagesFailed as failure:
        print(f"images: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("images: interrupted; `make images` starts again and uses the layers that are there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
