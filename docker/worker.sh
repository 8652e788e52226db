#!/bin/sh
# A Celery worker on a Ray node that gives nothing away: the stages it starts are Ray drivers, and a driver
# must run on a node of the cluster. Both end with the container.
set -eu
ray start --address="$SELFSUP_RAY" --num-cpus=0 --num-gpus=0 --object-store-memory=536870912 --disable-usage-stats
exec airflow celery worker
