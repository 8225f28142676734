"""Did it pay? Costs per arm, net benefit at a threshold, undecided thresholds, verdicts and the people they need."""
