# Reference values of base R for adjusted p-values. Run: Rscript generate.R > r_p_adjust.json
families <- list(c(0.01, 0.04, 0.03), c(0.021), c(0.5, 0.0001, 0.02, 0.02, 0.9), c(0, 1, 0.3, 0.3, 0.3),
                 c(0.0012, 0.034, 0.0499, 0.011, 0.62, 0.0007, 0.045, 0.21, 0.0301, 0.8, 0.012),
                 c(0.049, 0.048, 0.047, 0.046), c(1, 1), c(1e-300, 1e-12, 0.07))
methods <- c(bonferroni = "bonferroni", holm = "holm", hochberg = "hochberg", hommel = "hommel", bh = "BH", by = "BY")
list_of <- function(x) sprintf("[%s]", paste(sprintf("%.17g", x), collapse = ", "))
rows <- c()
for (p in families) for (m in names(methods))
  rows <- c(rows, sprintf('    {"p": %s, "method": "%s", "adjusted": %s}', list_of(p), m, list_of(p.adjust(p, methods[[m]]))))
cat('{\n  "inputs": {},\n  "expected": [\n')
cat(paste(rows, collapse = ",\n"))
cat(sprintf('\n  ],\n  "rtol": 1e-12,\n  "atol": 0,\n  "source": "R %s, stats::p.adjust, 2026-11-22"\n}\n', getRversion()))
