# Reference values of base R for Welch's t test. Run: Rscript generate.R > r_welch.json
# The data are chosen so that mean and standard deviation are what the tables say: residuals are scaled exactly.
cases <- list(c(12.1, 30, 400, 10.4, 28, 100), c(5, 1, 12, 4.2, 2.5, 7), c(-3, 0.5, 5, 0.1, 0.01, 30), c(100, 15, 2, 90, 20, 3))
sides <- c(two = "two.sided", greater = "greater", less = "less")
make <- function(m, s, n) { x <- sin(seq_len(n) * 1.7); x <- x - mean(x); m + s * x / sd(x) }
number <- function(x) ifelse(is.finite(x), sprintf("%.17g", x), "null")
rows <- c()
for (v in cases) for (side in names(sides)) for (level in c(0.9, 0.95)) {
  r <- t.test(make(v[1], v[2], v[3]), make(v[4], v[5], v[6]), alternative = sides[[side]], conf.level = level)
  rows <- c(rows, sprintf('    {"case": [%s], "side": "%s", "level": %s, "p": %s, "low": %s, "high": %s}',
    paste(v, collapse = ", "), side, level, number(r$p.value), number(r$conf.int[1]), number(r$conf.int[2])))
}
cat('{\n  "inputs": {"columns": ["mean", "std", "n", "control_mean", "control_std", "control_n"]},\n  "expected": [\n')
cat(paste(rows, collapse = ",\n"))
cat(sprintf('\n  ],\n  "rtol": 1e-9,\n  "atol": 1e-11,\n  "source": "R %s, stats::t.test (Welch), 2026-11-22"\n}\n', getRversion()))
