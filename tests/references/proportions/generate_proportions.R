# Ratio of sums over persons with its linearised variance: survey::svyratio with persons as clusters.
library(survey)
library(jsonlite)
cases <- list(
  few = list(hits = c(2, 0, 1, 3, 0), n = c(2, 2, 1, 4, 3)),
  single = list(hits = c(1, 0, 0, 1, 1, 0, 0, 0), n = rep(1, 8)),
  uneven = list(hits = c(10, 0, 1, 0, 7, 2), n = c(12, 1, 1, 5, 30, 2))
)
expected <- lapply(cases, function(case) {
  rows <- data.frame(hits = case$hits, n = case$n, id = seq_along(case$n))
  design <- svydesign(ids = ~id, weights = ~1, data = rows)
  found <- svyratio(~hits, ~n, design)
  list(share = as.numeric(coef(found)), standard_error = as.numeric(SE(found)))
})
write_json(list(
  inputs = cases, expected = expected, rtol = 1e-10, atol = 0,
  source = paste0("survey ", packageVersion("survey"), ", svyratio, R ", getRversion(), ", 2026-11-22")
), "bundled.json", auto_unbox = TRUE, digits = 15, pretty = TRUE)
