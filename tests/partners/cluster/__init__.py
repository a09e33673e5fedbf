"""A small Kubernetes in this process: an API server on loopback whose pods are local processes.

    nodes = [Node("gpu-1", resources={"nvidia.com/gpu": "2"})]
    with Cluster(tmp_path / "cluster", nodes=nodes, images=["image@sha256:…"]) as cluster:
        client = kubernetes.config.new_client_from_config(str(cluster.kubeconfig))

It answers as a real server of 1.33 does, and refuses with 501 what it does not have. A conformance test holds it and
real clusters to the same expectations. What is not real: all pods share this machine's files and loopback network (how
paths and peers' names are rewritten stands in `pod_environment`), a security context has no effect, there are no
probes, sidecars, persistent volumes or disruption budgets.
"""

from cluster.cluster import Cluster, Node
from cluster.faults import Effect, Fault, Faults, Request
from cluster.images import Image

__all__ = ["Cluster", "Effect", "Fault", "Faults", "Image", "Node", "Request"]
