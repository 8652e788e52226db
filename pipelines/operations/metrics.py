"""stub"""

import time

from prometheus_client import start_http_server

from pipelines.settings import Settings

start_http_server(Settings.load().metrics_port, addr="127.0.0.1")
while True:
    time.sleep(3600)
