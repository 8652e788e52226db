"""Makes the bucket of MLflow's artifacts unless it is there; run once before the server."""

import os
import sys


def main() -> int:
    import boto3
    from botocore.exceptions import ClientError

    bucket = os.environ["MLFLOW_BUCKET"]
    client = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    client.head_bucket(Bucket=bucket)  # a bucket of somebody else's is no use
    return 0


if __name__ == "__main__":
    sys.exit(main())
