# Do effects differ between segments? Run: Rscript generate_heterogeneity.R. Only base R and jsonlite.
suppressMessages(library(jsonlite))
save <- function(file, rows, rtol, atol, source)
  write(toJSON(list(inputs = setNames(list(), character(0)), expected = rows, rtol = rtol, atol = atol, source = source), auto_unbox = TRUE, digits = NA, pretty = TRUE), file)
# 1. Welch's F: stats::oneway.test on groups; the "effects" are the groups' means, their variances s^2 / n.
rows <- list()
set.seed(11)
for (k in 2:6) for (r in 1:2) {
  n <- sample(5:60, k); s <- runif(k, .5, 3)
  y <- lapply(1:k, function(i) round(rnorm(n[i], .4 * i, s[i]), 3))
  w <- oneway.test(unlist(y) ~ factor(rep(1:k, n)))
  rows[[length(rows) + 1]] <- list(effects = sapply(y, mean), variances = sapply(y, var) / n, freedom = n - 1,
    statistic = unname(w$statistic), df2 = unname(w$parameter[2]), p = w$p.value)
}
save("welch.json", rows, 1e-9, 0, sprintf("R %s, stats::oneway.test, 2026-11-22", getRversion()))
# 2. Cochran's Q with known variances, by its formula and stats::pchisq.
rows <- list()
for (k in c(2, 3, 5, 12)) {
  d <- round(rnorm(k, .2, .5), 3); v <- round(runif(k, .01, .4), 4); w <- 1 / v; m <- sum(w * d) / sum(w); q <- sum(w * (d - m)^2)
  rows[[length(rows) + 1]] <- list(effects = d, variances = v, statistic = q, common = m, p = pchisq(q, k - 1, lower.tail = FALSE))
}
save("cochran.json", rows, 1e-10, 0, sprintf("R %s, formula of Cochran (1954) and stats::pchisq, 2026-11-22", getRversion()))
# 3. Score test of a common difference: constrained rates by uniroot on the likelihood, the common difference by uniroot.
null_rates <- function(x1, n1, x0, n0, d) {
  low <- max(0, -d); high <- min(1, 1 - d)
  g <- function(p) { q <- p + d; (if (x1 > 0) x1 / q else 0) - (if (x1 < n1) (n1 - x1) / (1 - q) else 0) + (if (x0 > 0) x0 / p else 0) - (if (x0 < n0) (n0 - x0) / (1 - p) else 0) }
  e <- 1e-13
  a <- g(low + e); b <- g(high - e)
  p0 <- if (a <= 0) low else if (b >= 0) high else uniroot(g, c(low + e, high - e), tol = 1e-16)$root
  c(p0 + d, p0)
}
parts <- function(t, d) {
  p <- null_rates(t[1], t[2], t[3], t[4], d); N <- t[2] + t[4]
  c(t[1] / t[2] - t[3] / t[4] - d, N / (N - 1) * (p[1] * (1 - p[1]) / t[2] + p[2] * (1 - p[2]) / t[4]))
}
cases <- list(list(c(60, 1000, 30, 1000), c(20, 1000, 25, 1000)), list(c(60, 1000, 30, 1000), c(20, 1000, 25, 1000), c(5, 400, 0, 50)),
  list(c(9, 9000, 1, 1000), c(18, 9000, 1, 1000), c(4, 4500, 2, 500), c(30, 9000, 2, 1000)),
  list(c(400, 500, 380, 500), c(90, 100, 70, 100), c(33, 60, 30, 60)),
  list(c(7, 70, 3, 80), c(2, 40, 9, 60), c(11, 30, 10, 35), c(0, 25, 4, 20), c(6, 60, 6, 60)))
rows <- list()
for (case in cases) {
  d <- sapply(case, function(t) t[1] / t[2] - t[3] / t[4])
  total <- function(x) sum(sapply(case, function(t) { p <- parts(t, x); p[1] / p[2] }))
  common <- uniroot(total, range(d) + c(1e-10, -1e-10), tol = 1e-15)$root
  q <- sum(sapply(case, function(t) { p <- parts(t, common); p[1]^2 / p[2] }))
  rows[[length(rows) + 1]] <- list(tables = case, common = common, statistic = q, p = pchisq(q, length(case) - 1, lower.tail = FALSE))
}
save("score.json", rows, 1e-6, 1e-10, sprintf("R %s, stats::uniroot on likelihood and score, pchisq, 2026-11-22", getRversion()))
