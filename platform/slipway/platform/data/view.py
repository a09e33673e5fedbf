"""Which part of a snapshot somebody needs: a data view.

A view names values of columns of `index`; an image is in it when every named column has one of the named values. Two
views that ask for the same are equal and have the same `key`, which is part of a run key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from slipway.platform.canonical import canonical
from slipway.platform.data.errors import DataError
from slipway.platform.errors import WrongUse
from slipway.platform.names import suggestion

if TYPE_CHECKING:
    import pyarrow as pa

INDEX = "index"
TABLES = (INDEX, "boxes", "identities")


@dataclass(frozen=True)
class View:
    """A selection of images, and the tables that are wanted with them; `index` always is."""

    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    tables: tuple[str, ...] = TABLES

    @classmethod
    def of(cls, where: Mapping[str, str | Iterable[str]], tables: Iterable[str] = TABLES) -> Self:
        """A view in its one form: sorted, each value once."""
        conditions = {
            column: tuple(sorted({values} if isinstance(values, str) else set(values)))
            for column, values in where.items()
        }
        wanted = {INDEX, *tables}
        if foreign := sorted(wanted - set(TABLES)):
            raise WrongUse(f"A snapshot has no table `{foreign[0]}`.", mend=suggestion(foreign[0], TABLES))
        return cls(tuple(sorted(conditions.items())), tuple(one for one in TABLES if one in wanted))

    @property
    def key(self) -> bytes:
        """What the view asks for, as canonical bytes."""
        return canonical({"where": self.where, "tables": self.tables})

    @property
    def files(self) -> list[str]:
        """The tables' files."""
        return [f"{name}.parquet" for name in self.tables]

    def select(self, index: "pa.Table") -> "pa.Table":
        """The rows of `index` that are in the view."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for column, values in self.where:
            found = index.column(_column(column, index.column_names))
            mask = pc.is_in(found.cast(pa.string()), value_set=pa.array(values, pa.string()))
            if not pc.any(mask).as_py():
                there = sorted(str(value) for value in pc.unique(found).to_pylist())
                raise DataError(
                    f"The view selects no image: `{column}` is never {' or '.join(values)}.",
                    mend=suggestion(values[0], there[:20]) if values else f"Name values of `{column}`.",
                )
            index = index.filter(mask)
        return index

    def shards(self, index: "pa.Table") -> list[str]:
        """The files of the shards that hold the view's images."""
        return sorted(f"shards/{digest}.tar" for digest in self.select(index).column("shard").unique().to_pylist())


def _column(name: str, columns: list[str]) -> str:
    """A column by its name; those of slices also without their prefix."""
    from slipway.platform.data.schema import SLICE_PREFIX

    found = next((one for one in (name, SLICE_PREFIX + name) if one in columns), None)
    if found is None:
        raise WrongUse(f"`index` has no column `{name}` to select by.", mend=suggestion(name, columns))
    return found
