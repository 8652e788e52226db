"""Makes the event example's data from the package retentioneering, in which they lie:

pip download --no-deps retentioneering==5.2.4, unpack the wheel, then
python recipes/events/build.py FOLDER/retentioneering/datasets/ecom.csv.gz
"""

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
FIRST = 0.8  # share of the sessions in the first delivery, those that began first


def build(source: Path) -> None:
    """Write both deliveries: a row an event, with the columns session, page and time."""
    events = pd.read_csv(source)
    table = pd.DataFrame(
        {
            "session": events["session_id"],
            "page": events["event"],
            "time": pd.to_datetime(events["timestamp"]),
        }
    )
    began = table.groupby("session")["time"].min().sort_values(kind="stable")
    first = set(began.index[: round(FIRST * len(began))])
    own = table["session"].isin(first)
    for part, name in ((table[own], "inbox/2026-01-first.parquet"), (table[~own], "second.parquet")):
        part.to_parquet(HERE / name, index=False, compression="zstd")
        print(name, part["session"].nunique(), "sessions,", len(part), "events")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
