"""Started by the fixture ray_cluster: a Ray cluster on loopback until stdin is closed; prints its job server."""

import socket
import sys

from ray.cluster_utils import Cluster

ADDRESS = "127.0.0.2"  # loopback; for 127.0.0.1 Ray takes the machine's outer address, where nobody listens


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def main() -> None:
    head = {
        "num_cpus": 0,
        "include_dashboard": True,
        "dashboard_host": "127.0.0.1",
        "dashboard_port": free_port(),
        "node_ip_address": ADDRESS,
        "object_store_memory": 80 << 20,
    }
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(num_cpus=2, node_ip_address=ADDRESS, object_store_memory=80 << 20)
        cluster.wait_for_nodes()
        print(f"http://{cluster.webui_url}", flush=True)
        sys.stdin.read()
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
