"""Probes that start inside a cluster's pods: a fixed script, told over its standard input what to ask."""
