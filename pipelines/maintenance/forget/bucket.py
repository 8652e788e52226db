"""DVC's remote where it is object storage, as a place of its objects."""

from collections.abc import Iterator

from pipelines.engine.object_store import door, split


class Bucket:
    """address: s3://BUCKET/PREFIX."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bucket, prefix = split(address)
        self.prefix = f"{prefix}files/md5/"

    def names(self) -> Iterator[str]:
        with door(self.address) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            yield from (
                item["Key"].removeprefix(self.prefix) for page in pages for item in page.get("Contents", [])
            )

    def read(self, name: str) -> bytes:
        with door(self.address) as client:
            data: bytes = client.get_object(Bucket=self.bucket, Key=f"{self.prefix}{name}")["Body"].read()
        return data

    def delete(self, name: str) -> None:
        with door(self.address) as client:
            client.delete_object(Bucket=self.bucket, Key=f"{self.prefix}{name}")
