# Reference values of the pieces of contamination bounds. Run: Rscript generate_contamination.R > r_contamination.json
suppressPackageStartupMessages(library(jsonlite))
im <- function(width, df, level) uniroot(function(c) pt(c + width, df) - pt(-c, df) - level, c(0.1, 10), tol = 1e-13)$root
crit <- do.call(rbind, lapply(c(0, 0.1, 0.5, 1, 2, 5), function(w) do.call(rbind, lapply(c(12, 1e9), function(d) data.frame(width = w, df = d, level = 0.95, c = im(w, d, 0.95))))))
audit <- do.call(rbind, lapply(list(c(0, 50), c(7, 200), c(1, 3), c(40, 400)), function(v) { b <- binom.test(v[1], v[2], conf.level = 0.99)$conf.int; data.frame(treated = v[1], checked = v[2], level = 0.99, low = b[1], high = b[2]) }))
# worst cases by linear programming over persons: fill the contaminated share with the smallest (largest) outcomes
set.seed(4); y <- round(rexp(40, 0.1), 1); share <- 0.1; k <- share * length(y)
worst <- list(values = y, share = share, low = 0, high = 60, lowest = (sum(sort(y)[1:(length(y) - k)]) + k * 0) / length(y), highest = (sum(sort(y)[(k + 1):length(y)]) + k * 60) / length(y))
cat(toJSON(list(inputs = "Imbens and Manski's equation with Student's t; Clopper-Pearson; worst means of a holdout", expected = list(critical = crit, audit = audit, worst = worst), rtol = 1e-8, atol = 1e-10,
  source = sprintf("R %s, stats::uniroot on pt, stats::binom.test, sort and sum, 2026-11-22", getRversion())), auto_unbox = TRUE, digits = 14, pretty = TRUE))
