# Reference p-values of exact permutation tests in R. Run: Rscript generate_coin.R > r_coin.json
suppressPackageStartupMessages({library(coin); library(jsonlite)})
set.seed(20261122)
cases <- list(
  small = list(a = c(5, 7, 9, 8, 2), b = c(1, 0, 3, 2)),
  ties = list(a = c(0, 0, 3, 3, 5, 9), b = c(0, 0, 0, 3, 1)),
  sleep = list(a = sleep$extra[sleep$group == 2], b = sleep$extra[sleep$group == 1]),
  zeros = list(a = c(rep(0, 20), 4, 9, 12), b = c(rep(0, 12), 1)),
  shift = list(a = round(rgamma(9, 2), 2), b = round(rgamma(8, 3), 2)))
rows <- list()
for (name in names(cases)) {
  x <- cases[[name]]
  y <- c(x$a, x$b); g <- factor(rep(c("t", "c"), c(length(x$a), length(x$b))), levels = c("t", "c"))
  # Two sides here: twice the smaller tail. coin adds both tails of the same distance from the middle instead.
  p <- sapply(c("greater", "less"), function(side) as.numeric(pvalue(oneway_test(y ~ g, distribution = "exact", alternative = side))))
  for (side in c("two", "greater", "less"))
    rows[[length(rows) + 1]] <- list(data = name, side = side, p = if (side == "two") min(1, 2 * min(p)) else p[[side]])
}
tables <- list(c(3, 500, 0, 500), c(7, 34, 1, 34), c(9, 10, 3, 10), c(12, 90, 2, 10))
for (t in tables) {
  m <- matrix(c(t[1], t[2] - t[1], t[3], t[4] - t[3]), 2)
  for (side in c("greater", "less")) {
    rows[[length(rows) + 1]] <- list(data = "table", table = t, side = side, p = fisher.test(m, alternative = side)$p.value)
  }
}
# Strata: the plain difference weighted by the strata is coin's linear statistic only with equal shares, so these strata have them.
b <- data.frame(y = c(4, 6, 9, 1, 3, 2, 8, 7, 9, 5, 6, 2), g = factor(rep(c("t", "t", "t", "c", "c", "c"), 2), levels = c("t", "c")), s = factor(rep(1:2, each = 6)))
for (side in c("two.sided", "greater")) {
  found <- oneway_test(y ~ g | s, data = b, distribution = approximate(nresample = 500000), alternative = side)
  rows[[length(rows) + 1]] <- list(data = "strata", side = c(two.sided = "two", greater = "greater")[[side]], p = as.numeric(pvalue(found)), rtol = 0.05)
}
cat(toJSON(list(inputs = c(cases, list(strata = b)), expected = rows, rtol = 1e-9, atol = 0,
  source = sprintf("R %s, fisher.test; coin %s, oneway_test(distribution = 'exact'; with strata approximate(500000)), 2026-11-22", getRversion(), packageVersion("coin"))),
  auto_unbox = TRUE, digits = NA, pretty = 1))
