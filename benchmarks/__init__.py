"""What etagkit costs, beside what its peers cost and what the machine can do at all.

Run `python -m benchmarks`. Contestants of one table run in turn, round after round, so that a
machine whose speed drifts is fair to all; medians and the ratios within a round count.
"""
