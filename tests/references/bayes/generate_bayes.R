# Reference values of posteriors. Run: Rscript generate_bayes.R > r_bayes.json
# Rates: stats::integrate over dbeta x pbeta, uniroot for quantiles. Means: integrate over likelihood x prior. No simulation.
suppressPackageStartupMessages(library(jsonlite))
int <- function(f, pts) sum(mapply(function(u, v) integrate(f, u, v, rel.tol = 1e-12, abs.tol = 0, subdivisions = 2000, stop.on.error = FALSE)$value, head(pts, -1), tail(pts, -1)))
grid <- function(a, b) unique(c(qbeta(c(1e-15, 1e-6, 1e-3, .05, .25, .5, .75, .95, 1 - 1e-3, 1 - 1e-6), a, b), qbeta(1e-15, a, b, lower.tail = FALSE)))
rate <- function(h1, n1, h0, n0, pa, pb, value, cost, rope, level) {
  a1 <- pa + h1; b1 <- pb + n1 - h1; a0 <- pa + h0; b0 <- pb + n0 - h0; g <- grid(a0, b0); g1 <- grid(a1, b1)
  below <- function(d) { p <- sort(unique(c(g, pmin(pmax(g1 - d, min(g)), max(g)), pmin(pmax(c(-d, 1 - d), min(g)), max(g))))); int(function(x) dbeta(x, a0, b0) * pbeta(x + d, a1, b1), p) }
  loss <- function(t) { p <- sort(unique(c(g, pmin(pmax(g1 - t, min(g)), max(g)), pmin(pmax(c(-t, 1 - t), min(g)), max(g)))))
    short <- function(x) { y <- pmin(pmax(x + t, 0), 1); y * pbeta(y, a1, b1) - a1 / (a1 + b1) * pbeta(y, a1 + 1, b1) + pmax(x + t - 1, 0) }
    int(function(x) dbeta(x, a0, b0) * short(x), p) }
  ratio <- function(r) { p <- sort(unique(c(g, pmin(pmax(g1 / r, min(g)), max(g))))); int(function(x) dbeta(x, a0, b0) * pbeta(pmin(1, r * x), a1, b1), p) }
  q <- function(p) uniroot(function(d) below(d) - p, c(-1 + 1e-9, 1 - 1e-9), tol = 1e-13)$root
  lq <- function(p) expm1(uniroot(function(x) ratio(exp(x)) - p, c(-12, 12), tol = 1e-12)$root)
  tail <- (1 - level) / 2; bar <- cost / value
  list(value = a1 / (a1 + b1) - a0 / (a0 + b0), p_better = 1 - below(0), p_pays = 1 - below(bar), low = q(tail), high = q(1 - tail), relative = lq(0.5), relative_low = lq(tail),
    relative_high = lq(1 - tail), loss_treatment = value * loss(bar), p_negligible = below(rope) - below(-rope))
}
cases <- list(c(120, 1000, 100, 1000, 1, 1, 85, 0.5, 0.01, 0.95), c(3, 500, 0, 500, 1, 1, 85, 0.2, 0.002, 0.9), c(90, 9000, 4, 1000, 0.5, 0.5, 60, 0.1, 0.002, 0.95),
  c(5, 10, 3, 12, 2, 2, 10, 1, 0.05, 0.8), c(20, 20, 18, 20, 1, 1, 5, 0.1, 0.05, 0.95), c(0, 40, 0, 60, 1, 9, 85, 0.5, 0.01, 0.95))
keys <- c("hits", "n", "control_hits", "control_n", "a", "b", "value", "cost", "rope", "level")
rates <- lapply(cases, function(v) list(inputs = as.list(setNames(v, keys)), expected = do.call(rate, as.list(v))))
# normal likelihood x normal prior, by integration (sd = Inf: flat)
mean_case <- function(d, se, m, s, value, cost, level) {
  post <- function(x) dnorm(x, d, se) * (if (is.finite(s)) dnorm(x, m, s) else 1)
  mid <- if (is.finite(s)) (d / se^2 + m / s^2) / (1 / se^2 + 1 / s^2) else d; w <- 1 / sqrt(1 / se^2 + (if (is.finite(s)) 1 / s^2 else 0))
  pts <- function(lo, hi) { p <- mid + w * seq(-10, 10, 1); sort(unique(c(lo, p[p > lo & p < hi], hi))) }
  lo <- mid - 10 * w; hi <- mid + 10 * w; total <- int(post, pts(lo, hi)); above <- function(x) int(post, pts(x, hi)) / total
  q <- function(p) uniroot(function(x) above(x) - (1 - p), c(lo + 1e-9, hi - 1e-9), tol = 1e-13)$root
  bar <- cost / value; tail <- (1 - level) / 2
  list(value = int(function(x) x * post(x), pts(lo, hi)) / total, low = q(tail), high = q(1 - tail), p_better = above(0), p_pays = above(bar),
    loss_treatment = value * int(function(x) (bar - x) * post(x), pts(lo, bar)) / total, loss_control = value * int(function(x) (x - bar) * post(x), pts(bar, hi)) / total)
}
mk <- c("difference", "standard_error", "prior_mean", "prior_sd", "value", "cost", "level")
mcases <- list(c(1.5, 1, 0, Inf, 1, 0.5, 0.95), c(1.5, 1, 0, 0.6, 1, 0.5, 0.95), c(-0.4, 0.3, 0.5, 0.8, 2, 0.1, 0.9))
means <- lapply(mcases, function(v) list(inputs = as.list(setNames(ifelse(is.finite(v), v, NA), mk)), expected = do.call(mean_case, as.list(v))))
# many arms: probability to be the best and expected loss
best <- function(h, n) { a <- 1 + h; b <- 1 + n - h; pts <- sort(unique(unlist(mapply(grid, a, b)))); k <- length(h)
  p <- sapply(1:k, function(i) int(function(x) dbeta(x, a[i], b[i]) * sapply(x, function(y) prod(pbeta(y, a[-i], b[-i]))), pts))
  top <- sum(sapply(1:k, function(i) int(function(x) x * dbeta(x, a[i], b[i]) * sapply(x, function(y) prod(pbeta(y, a[-i], b[-i]))), pts)))
  list(p_best = p, expected_loss = top - a / (a + b)) }
many <- list(list(inputs = list(hits = c(100, 130, 128), n = c(5000, 5000, 5000)), expected = best(c(100, 130, 128), c(5000, 5000, 5000))),
  list(inputs = list(hits = c(0, 2, 1, 4), n = c(50, 60, 40, 200)), expected = best(c(0, 2, 1, 4), c(50, 60, 40, 200))))
cat(toJSON(list(rates = rates, means = means, many = many, rtol = 1e-7, atol = 1e-9, source = sprintf("R %s, stats::integrate, dbeta, pbeta, qbeta, dnorm, uniroot, 2026-11-22", getRversion())),
  auto_unbox = TRUE, digits = 14, pretty = TRUE, na = "null"))
