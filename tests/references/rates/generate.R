# Reference values of base R for rates. Run: Rscript generate.R > r_tests.json
tables <- list(c(56, 70, 48, 80), c(3, 500, 0, 500), c(113, 604, 54, 396), c(1, 8, 7, 9), c(9, 10, 3, 10), c(10, 10, 0, 20),
               c(0, 40, 4, 60), c(29, 3000, 12, 2900))
sides <- c(two = "two.sided", greater = "greater", less = "less")
number <- function(x) sprintf("%.17g", x)
rows <- c()
for (t in tables) for (side in names(sides)) {
  p <- fisher.test(matrix(c(t[1], t[2] - t[1], t[3], t[4] - t[3]), 2), alternative = sides[[side]])$p.value
  q <- suppressWarnings(prop.test(c(t[1], t[3]), c(t[2], t[4]), alternative = sides[[side]], correct = FALSE))
  rows <- c(rows, sprintf('    {"table": [%s], "side": "%s", "fisher": %s, "pooled_z_p": %s, "wald": %s}',
    paste(t, collapse = ", "), side, number(p), number(q$p.value),
    if (side == "two") sprintf("[%s]", paste(number(q$conf.int), collapse = ", ")) else "null"))
}
cat('{\n  "inputs": {"level": 0.95, "columns": ["hits", "n", "control_hits", "control_n"]},\n  "expected": [\n')
cat(paste(rows, collapse = ",\n"))
cat(sprintf('\n  ],\n  "rtol": 1e-7,\n  "atol": 1e-12,\n  "source": "R %s, stats::fisher.test and stats::prop.test(correct = FALSE), 2026-11-22; pooled_z_p has no N/(N-1)"\n}\n',
  getRversion()))
