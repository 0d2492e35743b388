"""Benches: run by hand, or all by `make bench`. They drive the service from outside, over its socket."""
