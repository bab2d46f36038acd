"""How fast KubeReach is: a generator of clusters, and measurements against itself and against a peer."""
