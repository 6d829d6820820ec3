"""Benchmarks: figures for people and for build/bench.json, never assertions on time."""
