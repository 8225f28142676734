"""Bayes as a second reading: posteriors of rates and means, computed by quadrature; no verdict uses them."""
