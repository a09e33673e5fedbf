"""Does a model meet in its test what it has seen in training?

Groups that must stay together are identities, and, for images without any, the morning at one site. A camera or site
whose images are all in the test split is held out; what it sees does not count against a day.
"""

import pandas as pd

from slipway.platform.data.validation.tables import Tables, faults
from slipway.platform.data.validation.verdict import SHORT
from slipway.platform.data.validation.vocabulary import Parameters


def identity_leakage(tables: Tables, _: Parameters) -> pd.DataFrame:
    """All images of an individual are in the split that `identities` says."""
    seen = tables.labelled[["identity", "split", "image", "sample"]].dropna(subset=["identity"])
    return _leakage(seen.rename(columns={"identity": "group"}), "identity", _declared(tables))


def _declared(tables: Tables) -> "pd.Series[str]":
    return tables.identities.drop_duplicates("identity").set_index("identity")["split"]


def day_leakage(tables: Tables, _: Parameters) -> pd.DataFrame:
    """Images without individuals of one site and day are in one split."""
    index = tables.index
    named = tables.boxes.loc[tables.boxes["identity"].notna(), "sample"]
    seen = index[~index["sample"].isin(named) & index["day"].notna() & ~held_out(index)]
    group = seen["site"].fillna("somewhere") + " on " + seen["day"]
    frame = seen[["split", "sample"]].assign(image=seen["row"], group=group)
    return _leakage(frame, "the day at", pd.Series(dtype=object))


def held_out(index: pd.DataFrame) -> "pd.Series[bool]":
    """The images of cameras and sites that only the test split has."""
    found = pd.Series(data=False, index=index.index)
    for column in ("camera", "site"):
        only_test = (index["split"] == "test").groupby(index[column].fillna("")).transform("all")
        found |= only_test & index[column].notna()
    return found


def _leakage(seen: pd.DataFrame, what: str, declared: "pd.Series[str]") -> pd.DataFrame:
    """One row for each group, with the first of its images that stands where it should not."""
    columns = ["row", "sample", "group", "split", "fault"]
    if seen.empty:
        return pd.DataFrame(columns=columns)
    home = seen["group"].map(declared) if len(declared) else pd.Series(None, index=seen.index, dtype=object)
    home = home.where(home.notna(), seen["group"].map(_most(seen)))
    seen = seen.assign(home=home, away=seen["split"] != home)
    first = seen.sort_values(["away", "image"], ascending=[False, True], kind="stable").drop_duplicates("group")
    frame = first.assign(row=first["image"])
    counts = seen[seen["away"]].groupby("group").size()
    return faults(
        frame,
        frame["away"],
        lambda row: (
            f"{what} {row['group']} is in {row['home']} and {counts[row['group']]} of its images in {row['split']}"
        ),
    )[columns]


def _most(seen: pd.DataFrame) -> "pd.Series[str]":
    """The split that most of a group's images are in."""
    counts = seen.groupby(["group", "split"]).size().rename("images").reset_index()
    counts = counts.sort_values("images", ascending=False, kind="stable")
    return counts.drop_duplicates("group").set_index("group")["split"]


def splits_stay(tables: Tables, _: Parameters) -> pd.DataFrame:
    """No sample and no individual is in another split than in the earlier snapshot."""
    columns = ["row", "sample", "fault"]
    if tables.previous is None:
        return pd.DataFrame(columns=columns)
    before = tables.previous.index.drop_duplicates("sample").set_index("sample")["split"]
    samples = _moved(tables.index.assign(name=tables.index["sample"].str[:SHORT]), "sample", before, "sample")
    individuals = tables.labelled[["identity", "split", "image", "sample"]].dropna(subset=["identity"])
    individuals = individuals.drop_duplicates(["identity", "split"]).rename(columns={"image": "row"})
    earlier = tables.previous.labelled.dropna(subset=["identity"])
    known = earlier.drop_duplicates("identity").set_index("identity")["split"]
    moved = _moved(individuals.assign(name=individuals["identity"]), "identity", known, "identity")
    return pd.concat([samples[columns], moved[columns]], ignore_index=True)


def _moved(frame: pd.DataFrame, key: str, before: "pd.Series[str]", what: str) -> pd.DataFrame:
    frame = frame.assign(before=frame[key].map(before))
    return faults(
        frame,
        frame["before"].notna() & (frame["before"] != frame["split"]),
        lambda row: f"{what} {row['name']} was in {row['before']} in the earlier snapshot and is in {row['split']}",
    )
