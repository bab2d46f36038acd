"""Proves predictions: brings manifests to life, sends packets between every pair, and compares."""
