"""The embedded lab: every pod a Linux network namespace, held by file descriptors of one process.

Comes in: nodes, pods and outside hosts with their addresses. Goes out: a routed network that knows no policy,
in which listeners answer, probes run and nftables rulesets are loaded. Nothing here imports the analyzer.
"""
