"""Makes the buckets named on the command line, those that are not there; run once before the others."""

import sys


def main(names: list[str]) -> int:
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("s3")  # endpoint and credentials: AWS_*
    for bucket in names:
        try:
            client.create_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise
        client.head_bucket(Bucket=bucket)  # a bucket of somebody else's is no use
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
