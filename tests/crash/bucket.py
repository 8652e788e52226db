"""Buckets of an S3 server of one's own, for the cases in which a finished run is shared; and what is wrong in one."""

import hashlib
import json
import subprocess
import sys
from typing import Any

from tests.conftest import storage_environ
from tests.crash.place import Home
from tests.scaled.services import answers, free_port, until

GROW = 2  # log.txt and metrics.jsonl: the next attempt writes on, and then their content has another name


class Buckets:
    """The server (moto) runs until it is closed."""

    def __init__(self) -> None:
        import boto3

        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: answers(port), "the S3 server answers")
        self.environ = storage_environ(f"http://127.0.0.1:{port}")
        given = [
            self.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "DEFAULT_REGION")
        ]
        self.client: Any = boto3.client(
            "s3", endpoint_url=self.environ["AWS_ENDPOINT_URL"], aws_access_key_id=given[0],
            aws_secret_access_key=given[1], region_name=given[2],
        )  # fmt: skip

    def close(self) -> None:
        self.server.kill()
        self.server.wait()

    def settings(self, name: str) -> dict[str, str]:
        """The variables of a run that shares what it finishes in a new bucket."""
        self.client.create_bucket(Bucket=name)
        return {**self.environ, "SELFSUP_STORE_REMOTE": f"s3://{name}"}

    def wrong(self, name: str, home: Home, reference: str) -> list[str]:
        """All in which the bucket does not hold exactly this run of this home, whole."""
        held = {item["Key"] for item in self.client.list_objects_v2(Bucket=name).get("Contents", [])}
        records = {key for key in held if key.endswith(".json")}
        if records != {f"{reference}.json"}:
            return [f"bucket: {sorted(records)} instead of {reference}.json"]
        record = json.loads(self._read(name, f"{reference}.json"))
        folder = home.store / reference
        found = (
            []
            if record["manifest"] == json.loads((folder / "manifest.json").read_text())
            else ["another manifest"]
        )
        for file in record["files"]:
            key = f"files/{file['sha256']}"
            body = self._read(name, key) if key in held else b""
            if hashlib.sha256(body).hexdigest() != file["sha256"]:
                found.append(f"bucket: {file['path']} is not what its name says")
            if not (folder / file["path"]).read_bytes().startswith(body):
                found.append(f"bucket: {file['path']} is not what lies in the store")
        named = {f"files/{file['sha256']}" for file in record["files"]}
        if len(left := held - records - named) > GROW:
            found.append(f"bucket: {sorted(left)} are files of no run")
        return found

    def _read(self, name: str, key: str) -> bytes:
        body: bytes = self.client.get_object(Bucket=name, Key=key)["Body"].read()
        return body
