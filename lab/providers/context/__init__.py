"""A cluster that a kubeconfig reaches, as a lab: read back as it is, and probed from inside its pods."""
