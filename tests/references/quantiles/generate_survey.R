# Reference values of R for quantiles and Woodruff's standard error. Run: Rscript generate_survey.R > r_survey.json
suppressPackageStartupMessages({library(survey); library(jsonlite)})
small <- c(3, 1, 4, 1.5, 9, 2.6, 5.3, 5.8, 9.7, 9.3, 2.3, 8.4, 6.2, 6.4, 3.3, 8.32, 7.9, 5, 2.8, 8.8)
set.seed(20261122)
money <- round(rlnorm(160, 3, 1.2), 3)
days <- round(rexp(400, 1 / 12), 5)
odd <- round(rgamma(211, 2), 4)
data <- list(small = small, money = money, days = days, odd = odd, precip = as.numeric(precip))
rows <- list()
for (name in names(data)) {
  x <- data[[name]]
  design <- svydesign(~1, data = data.frame(x = x), weights = rep(1, length(x)))
  for (q in c(0.25, 0.5, 0.75, 0.9)) {
    rows[[length(rows) + 1]] <- list(data = name, q = q, quantity = "quantile", value = unname(quantile(x, q, type = 2)))
    s <- sqrt(q * (1 - q) / (length(x) - 1))
      # survey centres the ranks on the share at or below the quantile, Woodruff on q: compared where the two are the same.
    if (anyDuplicated(x) || abs(length(x) * q - round(length(x) * q)) > 1e-9) next
    if (q - 1.96 * s <= 0 || q + 1.96 * s >= 1) next
    found <- svyquantile(~x, design, q, ci = TRUE, interval.type = "mean", qrule = "hf2", df = Inf)
    rows[[length(rows) + 1]] <- list(data = name, q = q, quantity = "standard_error", value = unname(SE(found)))
  }
}
source <- sprintf("R %s, stats::quantile(type = 2); survey %s, svyquantile(interval.type = 'mean', qrule = 'hf2', df = Inf), 2026-11-22",
                  getRversion(), packageVersion("survey"))
cat(toJSON(list(inputs = data, expected = rows, rtol = 1e-10, atol = 0, source = source), auto_unbox = TRUE, digits = NA, pretty = 1))
