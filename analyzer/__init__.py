"""Who can talk to whom in a Kubernetes cluster, predicted exactly from manifests."""
