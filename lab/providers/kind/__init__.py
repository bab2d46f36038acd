"""A kind cluster as the lab: nodes are containers of Docker or Podman, the CNI is Calico or kind's own.

Comes in: a kind configuration, manifests. Goes out: a cluster of our own making, to be probed like any
other cluster and removed as a whole. What `kind`, `docker` and `podman` say is told in the user's words.
"""
