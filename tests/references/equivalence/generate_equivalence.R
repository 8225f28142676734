# One-sided p-values at margins. Run: Rscript generate_equivalence.R
# Rates: the rates that maximise the likelihood at the margin are found by stats::optimize, not by the closed form; the
# variance carries Miettinen and Nurminen's N / (N - 1). Means: stats::t.test on raw data. Only base R and jsonlite.
suppressMessages(library(jsonlite))
save <- function(file, rows, rtol, atol, source)
  write(toJSON(list(inputs = setNames(list(), character(0)), expected = rows, rtol = rtol, atol = atol, source = source), auto_unbox = TRUE, digits = NA, pretty = TRUE), file)
loglik <- function(x, n, p) { a <- if (x > 0) x * log(p) else 0; b <- if (x < n) (n - x) * log1p(-p) else 0; a + b }
z_difference <- function(x1, n1, x0, n0, d) {
  low <- max(0, -d); high <- min(1, 1 - d)
  p0 <- optimize(function(p) loglik(x1, n1, p + d) + loglik(x0, n0, p), c(low, high), maximum = TRUE, tol = 1e-13)$maximum
  # Newton-free polish: the score changes sign once
  g <- function(p) { q <- p + d; x1 / q - (n1 - x1) / (1 - q) + x0 / p - (n0 - x0) / (1 - p) }
  e <- 1e-12
  if (is.finite(g(low + e)) && is.finite(g(high - e)) && g(low + e) * g(high - e) < 0) p0 <- uniroot(g, c(low + e, high - e), tol = 1e-15)$root
  p1 <- p0 + d; N <- n1 + n0
  (x1 / n1 - x0 / n0 - d) / sqrt(N / (N - 1) * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0))
}
z_ratio <- function(x1, n1, x0, n0, f) {
  g <- function(p) { q <- f * p; (x1 + x0) / p - (n1 - x1) * f / (1 - q) - (n0 - x0) / (1 - p) }
  p0 <- uniroot(g, c(1e-12, min(1, 1 / f) - 1e-12), tol = 1e-15)$root
  p1 <- f * p0; N <- n1 + n0
  (x1 / n1 - f * x0 / n0) / sqrt(N / (N - 1) * (p1 * (1 - p1) / n1 + f^2 * p0 * (1 - p0) / n0))
}
tables <- list(c(83, 88, 69, 76), c(12, 900, 10, 100), c(40, 9000, 5, 1000), c(450, 500, 440, 500), c(3, 400, 2, 380), c(180, 2000, 200, 2100))
rows <- list()
for (t in tables) for (m in c(.02, .1)) {
  zl <- z_difference(t[1], t[2], t[3], t[4], -m); zh <- z_difference(t[1], t[2], t[3], t[4], m)
  rows[[length(rows) + 1]] <- list(table = t, margin = m, relative = FALSE, p_low = pnorm(zl, lower.tail = FALSE), p_high = pnorm(zh))
}
for (t in tables) for (m in c(.25)) {
  zl <- z_ratio(t[1], t[2], t[3], t[4], 1 - m); zh <- z_ratio(t[1], t[2], t[3], t[4], 1 / 0.8)
  rows[[length(rows) + 1]] <- list(table = t, margin = c(-m, 0.25), relative = TRUE, p_low = pnorm(zl, lower.tail = FALSE), p_high = pnorm(zh))
}
save("rates.json", rows, 1e-8, 0, sprintf("R %s, stats::uniroot on the likelihood at the margin, pnorm, 2026-11-22", getRversion()))

rows <- list()
set.seed(3)
for (case in list(c(30, 25, .2, 1, 1.3), c(200, 20, -.1, 2, 1), c(8, 60, .4, .7, 2.2))) for (equal in c(FALSE, TRUE)) for (m in c(.3, .9)) {
  x <- round(rnorm(case[1], 10 + case[3], case[4]), 3); y <- round(rnorm(case[2], 10, case[5]), 3)
  low <- t.test(x, y, mu = -m, alternative = "greater", var.equal = equal); high <- t.test(x, y, mu = m, alternative = "less", var.equal = equal)
  ci <- t.test(x, y, conf.level = .9, var.equal = equal)$conf.int
  rows[[length(rows) + 1]] <- list(x = c(mean(x), sd(x), length(x)), y = c(mean(y), sd(y), length(y)), equal_variances = equal, margin = m,
    p_low = low$p.value, p_high = high$p.value, low = ci[1], high = ci[2])
}
save("means.json", rows, 1e-9, 0, sprintf("R %s, stats::t.test, 2026-11-22", getRversion()))
