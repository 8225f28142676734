# Joint tails of statistics that share a control, and Dunnett's test. Run: Rscript generate_dunnett.R
# Packages: mvtnorm (TVPACK and Miwa: deterministic), multcomp, jsonlite.
suppressMessages({library(mvtnorm); library(multcomp); library(jsonlite)})
versions <- sprintf("R %s, mvtnorm %s, multcomp %s, 2026-11-22", getRversion(), packageVersion("mvtnorm"), packageVersion("multcomp"))
save <- function(file, rows, rtol, atol, source)
  write(toJSON(list(inputs = setNames(list(), character(0)), expected = rows, rtol = rtol, atol = atol, source = source), auto_unbox = TRUE, digits = NA, pretty = TRUE), file)
corr <- function(l) { r <- outer(l, l); diag(r) <- 1; r }

# 1. One-sided tails: TVPACK (t, two and three statistics), Miwa (normal, four to six).
rows <- list()
for (l2 in list(c(.5, .5), c(.75, .5, .9), c(.1, .9, .3))) for (df in c(1, 4, 17, 120, 5000)) for (t in c(-0.4, 1.7, 3.1)) {
  l <- sqrt(l2); k <- length(l)
  p <- 1 - pmvt(lower = rep(-Inf, k), upper = rep(t, k), df = df, corr = corr(l), algorithm = TVPACK(abseps = 1e-14))[1]
  rows[[length(rows) + 1]] <- list(loadings = l, df = df, statistic = t, side = "greater", tail = p)
}
for (l2 in list(c(.5, .5, .5, .5), c(.2, .4, .6, .8), c(.9, .7, .5, .3, .1))) for (t in c(1.2, 2.2)) {
  l <- sqrt(l2); k <- length(l)
  p <- 1 - pmvnorm(lower = rep(-Inf, k), upper = rep(t, k), corr = corr(l), algorithm = Miwa(steps = 512))[1]
  rows[[length(rows) + 1]] <- list(loadings = l, df = "inf", statistic = t, side = "greater", tail = p)
}
# Miwa's grid leaves 1e-7; TVPACK about 1e-9.
save("tails_one_sided.json", rows, 3e-7, 0, paste0(versions, ": mvtnorm::pmvt(TVPACK), pmvnorm(Miwa)"))

# 2. Two-sided tails and critical values by Genz and Bretz's lattice, tight.
set.seed(20261122)
rows <- list()
for (l2 in list(c(.5, .5, .5), c(.75, .5, .9), rep(.3, 6), c(.85, .85, .85, .85))) for (df in c(3, 12, 60, 0)) {
  l <- sqrt(l2); k <- length(l); t <- 2.4
  p <- 1 - pmvt(lower = rep(-t, k), upper = rep(t, k), df = df, corr = corr(l), algorithm = GenzBretz(maxpts = 1e7, abseps = 1e-8, releps = 0))[1]
  rows[[length(rows) + 1]] <- list(loadings = l, df = if (df == 0) "inf" else df, statistic = t, side = "two", tail = p)
}
# The lattice is random; its own error estimate is about 1e-7 in probability.
save("tails_two_sided.json", rows, 0, 2e-6, paste0(versions, ": mvtnorm::pmvt(GenzBretz, abseps 1e-8)"))

# 3. Two-sided by nested base-R quadrature, at fractional degrees of freedom (the Welch case).
nested <- function(t, l, df) {
  inner <- function(w) integrate(function(y) sapply(y, function(v) dnorm(v) * (1 - prod(pnorm((w - l * v) / sqrt(1 - l^2)) - pnorm((-w - l * v) / sqrt(1 - l^2))))), -9, 9, rel.tol = 1e-10, subdivisions = 400)$value
  density <- function(s) exp(log(2) + df / 2 * log(df / 2) - lgamma(df / 2) + (df - 1) * log(s) - df * s^2 / 2)
  f <- function(s) sapply(s, function(v) density(v) * inner(t * v))
  integrate(f, 0, 1, rel.tol = 1e-9, subdivisions = 400)$value + integrate(f, 1, 1 + 12 / sqrt(df), rel.tol = 1e-9, subdivisions = 400)$value
}
rows <- list()
for (l2 in list(c(.5, .6), c(.9, .2, .5))) for (df in c(2.5, 11.37, 88.8)) for (t in c(1.1, 2.6)) {
  l <- sqrt(l2)
  rows[[length(rows) + 1]] <- list(loadings = l, df = df, statistic = t, side = "two", tail = nested(t, l, df))
}
save("tails_fractional.json", rows, 1e-7, 0, paste0("R ", getRversion(), ", nested stats::integrate, 2026-11-22"))

# 4. Dunnett's test on data, with simultaneous intervals (multcomp::glht).
rows <- list()
one <- function(name, y, g, alternative, side) {
  fit <- aov(y ~ g)
  set.seed(1)
  test <- summary(glht(fit, linfct = mcp(g = "Dunnett"), alternative = alternative), test = adjusted("single-step", abseps = 1e-7, maxpts = 2e6))
  set.seed(1)
  interval <- confint(glht(fit, linfct = mcp(g = "Dunnett"), alternative = alternative), calpha = adjusted_calpha(abseps = 1e-6, maxpts = 2e6))$confint
  list(name = name, side = side,
       arms = lapply(split(y, g), function(v) c(mean(v), sd(v), length(v))), control = levels(g)[1],
       p_adjusted = unname(c(test$test$pvalues)), low = ifelse(is.finite(interval[, "lwr"]), interval[, "lwr"], "-inf"),
       high = ifelse(is.finite(interval[, "upr"]), interval[, "upr"], "inf"))
}
sides <- c(two.sided = "two", greater = "greater", less = "less")
data(recovery, package = "multcomp")
for (a in names(sides)) rows[[length(rows) + 1]] <- one("multcomp recovery", recovery$minutes, relevel(factor(recovery$blanket), "b0"), a, sides[[a]])
set.seed(7)
g <- factor(rep(c("control", "a", "b", "c"), c(12, 30, 25, 9)), levels = c("control", "a", "b", "c"))
y <- round(rnorm(76, c(control = 0, a = .5, b = 1.4, c = -1)[as.character(g)], 1.5), 3)
for (a in names(sides)) rows[[length(rows) + 1]] <- one("unequal sizes", y, g, a, sides[[a]])
# p-values and quantiles come from Genz and Bretz's lattice: about 3e-4 in the interval's ends
# (qmvt stops on its own error estimate).
save("glht.json", rows, 2e-4, 5e-4, paste0(versions, ": multcomp::glht Dunnett, summary and confint"))

# 5. Critical values at 5 %, equal persons in all arms, by base R: uniroot on nested quadrature (as in 3).
tail_of <- function(t, k, df, two) {
  l <- sqrt(.5)
  inner <- function(w) integrate(function(y) sapply(y, function(v) {
    inside <- pnorm((w - l * v) / sqrt(1 - l^2)) - if (two) pnorm((-w - l * v) / sqrt(1 - l^2)) else 0
    dnorm(v) * (1 - inside^k)
  }), -9, 9, rel.tol = 1e-9, subdivisions = 400)$value
  if (is.infinite(df)) return(inner(t))
  density <- function(s) exp(log(2) + df / 2 * log(df / 2) - lgamma(df / 2) + (df - 1) * log(s) - df * s^2 / 2)
  f <- function(s) sapply(s, function(v) density(v) * inner(t * v))
  integrate(f, 0, 1, rel.tol = 1e-8, subdivisions = 400)$value + integrate(f, 1, 1 + 12 / sqrt(df), rel.tol = 1e-8, subdivisions = 400)$value
}
rows <- list()
for (two in c(TRUE, FALSE)) for (df in c(5, 10, 20, Inf)) for (k in c(2, 3, 4, 5, 9)) {
  t <- uniroot(function(t) tail_of(t, k, df, two) - 0.05, c(1.5, 5), tol = 1e-9)$root
  rows[[length(rows) + 1]] <- list(df = if (is.infinite(df)) "inf" else df, arms = k, side = if (two) "two" else "greater", critical = t)
}
write(toJSON(list(inputs = list(level = 0.95, loadings = "sqrt(0.5) each"), expected = rows, rtol = 1e-7, atol = 0,
  source = paste0("R ", getRversion(), ", uniroot on nested stats::integrate, 2026-11-22")), auto_unbox = TRUE, digits = NA, pretty = TRUE), "critical.json")
