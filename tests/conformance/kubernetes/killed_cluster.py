"""Run a pod in a cluster in this process, print the number of its process, and wait to be killed."""

import signal
import sys
from pathlib import Path

from cluster import Cluster

HERE = Path(sys.argv[1])

with Cluster(HERE / "cluster", images=["image"]) as cluster:
    command = ["sh", "-c", "setsid sleep 1234 & exec sleep 1234"]
    spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "image", "command": command}]}
    cluster.create("pods", {"metadata": {"name": "one"}, "spec": spec})
    (pid,) = cluster.wait_for(lambda: cluster.pids("one"), "a process")
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()
    signal.pause()
