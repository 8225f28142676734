# Reference values of base R for the value of information. Run: Rscript generate.R > r_information.json
# The decision's worth is integrated over the predictive distribution of the posterior mean, without the loss function.
number <- function(x) sprintf("%.17g", x)
rows <- c()
for (m in c(-0.3, -0.05, 0, 0.1, 0.25)) for (s in c(0.05, 0.1)) for (n in c(500, 10000, 200000)) {
  v <- s^2 * 10000
  moved <- s^2 / sqrt(s^2 + v / n)
  worth <- integrate(function(z) pmax(m + moved * z, 0) * dnorm(z), max(-m / moved, -40), 40,
                     rel.tol = 1e-12, abs.tol = 0, subdivisions = 2000L)$value - max(m, 0)
  perfect <- integrate(function(z) pmax(m + s * z, 0) * dnorm(z), max(-m / s, -40), 40,
                       rel.tol = 1e-12, abs.tol = 0, subdivisions = 2000L)$value - max(m, 0)
  rows <- c(rows, sprintf('    {"mean": %s, "error": %s, "n": %d, "worth": %s, "perfect": %s, "chance": %s}', m, s,
    as.integer(n), number(1e5 * worth), number(1e5 * perfect), number(pnorm(-abs(m) / moved))))
}
cat('{\n  "inputs": {"persons": 100000, "present": 10000},\n  "expected": [\n')
cat(paste(rows, collapse = ",\n"))
cat(sprintf('\n  ],\n  "rtol": 1e-7,\n  "atol": 1e-6,\n  "source": "R %s, stats::integrate over stats::dnorm, 2026-11-22"\n}\n', getRversion()))
