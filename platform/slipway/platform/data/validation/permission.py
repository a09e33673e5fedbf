"""May the images be used, and still be kept?"""

from typing import Final

import pandas as pd

from slipway.platform.data.validation.tables import Row, Tables, faults
from slipway.platform.data.validation.vocabulary import LegalBasis, Parameters

DATE: Final = r"\d{4}-\d{2}-\d{2}"


def legal_basis(tables: Tables, wanted: LegalBasis) -> pd.DataFrame:
    """Every image has a basis, one of the allowed ones where a suite names them."""
    frame = tables.index[["row", "sample", "source", "legal_basis"]].copy()
    frame["missing"] = frame["legal_basis"].isna() | (frame["legal_basis"].fillna("").str.strip() == "")
    foreign = ~frame["legal_basis"].isin(wanted.allowed) if wanted.allowed else frame["missing"]

    def tell(row: Row) -> str:
        if row["missing"]:
            return f"{row['source']} has no legal basis"
        return f"{row['source']} has the legal basis `{row['legal_basis']}`; allowed are {', '.join(wanted.allowed)}"

    return faults(frame, frame["missing"] | foreign, tell)


def retention_not_expired(tables: Tables, _: Parameters) -> pd.DataFrame:
    """No image is kept longer than it may be; an image without a date may be kept."""
    frame = tables.index[["row", "sample", "source", "retention"]].copy()
    given = frame["retention"].fillna("")
    frame["unreadable"] = (given != "") & ~given.str.fullmatch(DATE)
    expired = (given != "") & (given < tables.today.isoformat())

    def tell(row: Row) -> str:
        if row["unreadable"]:
            return f"{row['source']} has the retention date `{row['retention']}`, which is no ISO date"
        return f"{row['source']} had to be deleted after {row['retention']}"

    return faults(frame, frame["unreadable"] | expired, tell)
