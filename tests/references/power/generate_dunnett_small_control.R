# Dunnett's critical value where the control is small beside the arms: R's integrate over the control's deviation.
# Run: Rscript generate_dunnett_small_control.R > dunnett_small_control.json
library(jsonlite)
limit <- function(k, r, side, level = 0.95) {
  s <- sqrt(r / (1 + r)); o <- sqrt(1 / (1 + r))
  kept <- function(t) {
    f <- function(z) {
      inside <- pnorm((t - s * z) / o)
      if (side == "two") inside <- inside - pnorm((-t - s * z) / o)
      inside^k * dnorm(z)
    }
    cuts <- sort(unique(c(-9, -t / s + o / s * seq(-8, 8, 2), 0, t / s + o / s * seq(-8, 8, 2), 9)))
    cuts <- cuts[cuts >= -9 & cuts <= 9]
    sum(mapply(function(a, b) integrate(f, a, b, rel.tol = 1e-12, abs.tol = 1e-14)$value, head(cuts, -1), tail(cuts, -1)))
  }
  uniroot(function(t) kept(t) - level, c(1, 5), tol = 1e-12)$root
}
inputs <- list(); expected <- c()
for (r in c(4, 9, 19, 33, 99)) for (k in c(3, 5)) for (side in c("two", "greater")) {
  inputs[[length(inputs) + 1]] <- list(call = "dunnett_limit", args = list(arms = k, level = .95, side = side, allocation = r), take = NULL)
  expected <- c(expected, limit(k, r, side))
}
cat(toJSON(list(inputs = inputs, expected = expected, rtol = 1e-9, atol = 0, source = paste0(
  "R ", getRversion(), ", stats: integrate over the control's deviation, uniroot, ", Sys.Date())),
  auto_unbox = TRUE, digits = NA, null = "null", pretty = TRUE), "\n")
