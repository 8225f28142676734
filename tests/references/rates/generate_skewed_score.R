# Skewness-corrected score intervals by ratesci (its development version, from its repository).
# Run: Rscript generate_skewed_score.R > skewed_score_raw.json
library(ratesci)
cases <- list(
  c(5, 56, 0, 29), c(60, 9000, 3, 1000), c(90, 9000, 10, 1000), c(0, 500, 3, 500), c(12, 45000, 1, 5000),
  c(56, 70, 48, 80), c(30, 900, 1, 100), c(450, 9000, 50, 1000), c(2, 20, 1, 10), c(675, 9000, 50, 1000)
)
out <- list()
for (k in cases) for (contrast in c("RD", "RR")) for (level in c(0.95, 0.9)) {
  r <- scoreci(
    x1 = k[1], n1 = k[2], x2 = k[3], n2 = k[4], contrast = contrast, level = level, skew = TRUE, precis = 10
  )
  out[[length(out) + 1]] <- list(
    table = k, contrast = contrast, level = level, low = unname(r$estimates[1, 1]), high = unname(r$estimates[1, 3]),
    p = unname(r$pval[1, "pval2sided"])
  )
}
cat(jsonlite::toJSON(out, auto_unbox = TRUE, digits = 12, na = "string"))
