"""Figures in the text format that Prometheus reads."""

from collections.abc import Iterable, Iterator, Mapping

Labels = Mapping[str, object]


def single(name: str, kind: str, text: str, value: float) -> Iterator[str]:
    """A figure without labels."""
    return family(name, kind, text, [({}, value)])


def family(name: str, kind: str, text: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """Figures of one name, told apart by their labels."""
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield sample(name, labels, value)


def sample(name: str, labels: Labels, value: float) -> str:
    """One line; labels may say anything."""
    said = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
    return f"{name}{{{said}}} {value}" if said else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
