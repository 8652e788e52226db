"""Under which name, and with which delivery, a sample arrived: as a person knows it, where the data are still there."""

from components.data.shards import SHARDS, batches
from pipelines.engine.context import Context


def arrivals(shard: str, context: Context) -> dict[str, tuple[str, str]]:
    """Id -> name and delivery of the samples of a shard; none where the shard was taken away: an id is enough for a
    label to come back by. shard: its digest."""
    file = context.settings.data / context.recipe / SHARDS / f"{shard}.parquet"
    if not file.is_file():
        return {}
    return {
        id: (name, delivery_shown(delivery))
        for batch in batches(file, ["id", "name", "delivery"])
        for id, name, delivery in zip(batch["id"], batch["name"], batch["delivery"], strict=True)
    }


def delivery_shown(delivery: str) -> str:
    """The name of a delivery for a person: images that lie in the inbox itself came as the folder "."."""
    return "(inbox)" if delivery == "." else delivery
