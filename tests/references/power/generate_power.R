# Reference values of planning. Run in this directory: Rscript generate_power.R
# Every case is one call of ours (function, arguments, what is read from the answer) and the other package's number.
suppressMessages({library(pwr); library(rpact); library(mvtnorm); library(jsonlite)})
line <- function(what) sprintf("R %s, pwr %s, rpact %s, mvtnorm %s: %s, 2026-11-22", getRversion(), packageVersion("pwr"),
  packageVersion("rpact"), packageVersion("mvtnorm"), what)
cases <- list()
add <- function(call, args, expected, take = NULL) cases[[length(cases) + 1]] <<- list(
  inputs = list(call = call, args = args, take = take), expected = expected)
save <- function(name, what, rtol) {
  write(toJSON(list(inputs = lapply(cases, `[[`, "inputs"), expected = sapply(cases, `[[`, "expected"), rtol = rtol,
    atol = 0, source = line(what)), auto_unbox = TRUE, digits = 15, null = "null", pretty = TRUE), paste0(name, ".json"))
  cases <<- list()
}
opt <- function(...) list(...)

# --- rates: base R (tight tolerance: its root finder is coarse by default) -----------------------------------------
tol <- .Machine$double.eps^0.75
for (p in list(c(.2, .25, .8), c(.01, .013, .8), c(.001, .002, .9), c(.05, .04, .8), c(.5, .52, .95)))
  add("sample_size_rates", list(control = p[1], treatment = p[2], power = p[3]),
      power.prop.test(p1 = p[1], p2 = p[2], power = p[3], tol = tol)$n, "exact")
add("sample_size_rates", list(control = .02, treatment = .025, level = .9, side = "greater"),
    power.prop.test(p1 = .02, p2 = .025, power = .8, sig.level = .1, alternative = "one.sided", tol = tol)$n, "exact")
for (p in list(c(.2, .25, 800), c(.01, .013, 10000), c(.05, .04, 3000)))
  add("power_rates", list(control = p[1], treatment = p[2], n = p[3]), power.prop.test(n = p[3], p1 = p[1], p2 = p[2])$power)
for (p in list(c(.2, 1000), c(.01, 20000)))
  add("detectable_rates", list(control = p[1], n = p[2]), power.prop.test(n = p[2], p1 = p[1], power = .8, tol = tol)$p2)
save("prop_test", "power.prop.test", 1e-8)

# --- rates by arcsine: pwr, also unequal arms ----------------------------------------------------------------------
for (p in list(c(.2, .25), c(.01, .014), c(.3, .2)))
  add("sample_size_rates", list(control = p[1], treatment = p[2], method = "arcsine"),
      ((qnorm(.975) + qnorm(.8)) / ES.h(p[2], p[1]))^2 * 2, "exact")
for (p in list(c(.2, .25, 500, 2), c(.01, .015, 1000, 9), c(.02, .03, 2000, 4)))
  add("power_rates", list(control = p[1], treatment = p[2], n = p[3], allocation = p[4], method = "arcsine", side = "greater"),
      pwr.2p2n.test(h = ES.h(p[2], p[1]), n1 = p[3], n2 = p[3] * p[4], sig.level = .05, alternative = "greater")$power)
save("arcsine", "ES.h with the normal formula; pwr.2p2n.test", 1e-9)

# --- means: base R and pwr (Student) ------------------------------------------------------------------------------
for (p in list(c(1, 1, .9), c(.5, 2, .8), c(2, 30, .8)))
  add("sample_size_means", list(effect = p[1], std = p[2], power = p[3]), power.t.test(delta = p[1], sd = p[2], power = p[3], tol = tol)$n, "exact")
add("sample_size_means", list(effect = .4, std = 1, side = "greater"), power.t.test(delta = .4, power = .8, alternative = "one.sided", tol = tol)$n, "exact")
for (p in list(c(1, 1, 20), c(.5, 2, 100), c(.3, 1, 8)))
  add("power_means", list(effect = p[1], std = p[2], n = p[3]), power.t.test(n = p[3], delta = p[1], sd = p[2])$power)
for (p in list(c(3, 40), c(1, 500)))
  add("detectable_means", list(std = p[1], n = p[2]), power.t.test(n = p[2], sd = p[1], power = .8, tol = tol)$delta)
for (p in list(c(.5, 20, 60), c(.4, 30, 270), c(.2, 150, 300)))
  add("power_means", list(effect = p[1], std = 1, n = p[2], allocation = p[3] / p[2], side = "greater", equal_variances = TRUE),
      pwr.t2n.test(n1 = p[2], n2 = p[3], d = p[1], alternative = "greater")$power)
save("t_test", "power.t.test; pwr.t2n.test", 1e-7)

# --- Welch with unequal variances and arms: R's own noncentral t at Satterthwaite's degrees of freedom --------------
for (p in list(c(1, 2, 3, 50, 4), c(.5, 1, 2.5, 200, 9), c(2, 5, 5, 30, 3))) {
  v0 <- p[2]^2 / p[4]; v1 <- p[3]^2 / (p[4] * p[5])
  df <- (v0 + v1)^2 / (v0^2 / (p[4] - 1) + v1^2 / (p[4] * p[5] - 1))
  add("power_means", list(effect = p[1], std = c(p[2], p[3]), n = p[4], allocation = p[5]),
      pt(qt(.975, df), df, ncp = p[1] / sqrt(v0 + v1), lower.tail = FALSE))
}
save("welch", "pt with ncp at Satterthwaite's degrees of freedom", 1e-8)

# --- rpact: rates with unequal arms, null differences and null ratios -----------------------------------------------
rate <- function(p0, p1, ratio, theta = 0, beta = .2, alpha = .025, risk = FALSE, design = NULL, ...) {
  extra <- if (is.null(design)) list(alpha = alpha, beta = beta, sided = 1) else list(design = design)
  r <- suppressWarnings(do.call(getSampleSizeRates, c(extra, list(pi1 = p1, pi2 = p0, thetaH0 = theta, riskRatio = risk,
    allocationRatioPlanned = ratio, normalApproximation = TRUE))))
  as.numeric(if (is.null(design)) r$nFixed2 else tail(r$numberOfSubjects2, 1))
}
for (p in list(c(.2, .25, 1), c(.01, .013, 9), c(.02, .03, 4), c(.005, .008, 9)))
  add("sample_size_rates", list(control = p[1], treatment = p[2], allocation = p[3]), rate(p[1], p[2], p[3]), "exact")
for (p in list(c(.1, .1, 1, -.02), c(.1, .11, 4, -.02), c(.3, .3, 2, -.05), c(.02, .025, 9, .001)))
  add("sample_size_rates", list(control = p[1], treatment = p[2], allocation = p[3], null = p[4], side = "greater", level = .975),
      rate(p[1], p[2], p[3], theta = p[4]), "exact")
for (p in list(c(.1, .1, 1, .8), c(.2, .22, 3, .9), c(.05, .07, 2, 1.1)))
  add("sample_size_rates", list(control = p[1], treatment = p[2], allocation = p[3], null = p[4] - 1, null_kind = "relative", side = "greater", level = .975),
      rate(p[1], p[2], p[3], theta = p[4], risk = TRUE), "exact")
save("rpact_rates", "getSampleSizeRates, also with thetaH0 (Farrington and Manning) and riskRatio", 1e-5)

# --- rpact: means with margins and arms -----------------------------------------------------------------------------
for (p in list(c(.5, 2, 1, 0), c(.3, 1, 4, -.2), c(0, 1, 2, -.3))) {
  r <- getSampleSizeMeans(alpha = .025, beta = .2, sided = 1, alternative = p[1], stDev = p[2], thetaH0 = p[4], allocationRatioPlanned = p[3])
  add("sample_size_means", list(effect = p[1], std = p[2], allocation = p[3], null = p[4], side = "greater", level = .975, equal_variances = TRUE), as.numeric(r$nFixed2), "exact")
}
save("rpact_means", "getSampleSizeMeans (t), thetaH0", 1e-6)

# --- rpact: looks ----------------------------------------------------------------------------------------------------
looks <- list(
  list("asOF", "obrien_fleming", NULL, c(.5, 1)), list("asOF", "obrien_fleming", NULL, (1:5) / 5),
  list("asP", "pocock", NULL, (1:3) / 3), list("asP", "pocock", NULL, c(.3, .7, 1)),
  list("asKD", "power", 2, (1:4) / 4), list("asHSD", "hsd", -4, (1:3) / 3), list("asHSD", "hsd", 1, (1:4) / 4))
for (l in looks) {
  gamma <- if (is.null(l[[3]])) NA_real_ else l[[3]]
  d <- getDesignGroupSequential(kMax = length(l[[4]]), alpha = .025, beta = .2, sided = 1, informationRates = l[[4]], typeOfDesign = l[[1]], gammaA = gamma)
  spending <- if (is.null(l[[3]])) l[[2]] else list(l[[2]], l[[3]])
  r <- getSampleSizeMeans(d, alternative = .3, stDev = 1, normalApproximation = TRUE)
  add("sample_size_means", list(effect = .3, std = 1, side = "greater", level = .975, options = opt(looks = l[[4]], spending = spending)),
      as.numeric(r$maxNumberOfSubjects2), "exact")
  add("sample_size_rates", list(control = .1, treatment = .13, method = "unpooled", side = "greater", level = .975, options = opt(looks = l[[4]], spending = spending)),
      as.numeric(r$maxNumberOfSubjects2) / (2 * (1 / .3)^2) * (.1 * .9 + .13 * .87) / .03^2, "exact")
  p <- getPowerMeans(d, alternative = .25, stDev = 1, maxNumberOfSubjects = 400, normalApproximation = TRUE)
  add("power_means", list(effect = .25, std = 1, n = 200, side = "greater", level = .975, options = opt(looks = l[[4]], spending = spending)), as.numeric(p$overallReject))
}
d <- getDesignGroupSequential(kMax = 4, alpha = .05, beta = .2, sided = 2, typeOfDesign = "asOF")
r <- getSampleSizeMeans(d, alternative = .3, stDev = 1, normalApproximation = TRUE)
add("sample_size_means", list(effect = .3, std = 1, options = opt(looks = 4)), as.numeric(r$maxNumberOfSubjects2), "exact")
save("rpact_looks", "getSampleSizeMeans and getPowerMeans with spending designs", 2e-5)

# --- Dunnett: the level of one contrast ------------------------------------------------------------------------------
for (p in list(c(2, 1), c(3, 1), c(5, 1), c(3, .5), c(4, 2))) for (side in c("two", "greater")) {
  k <- p[1]; rho <- p[2] / (1 + p[2]); s <- matrix(rho, k, k); diag(s) <- 1
  set.seed(1)
  q <- qmvnorm(.95, tail = if (side == "two") "both.tails" else "lower.tail", corr = s, algorithm = GenzBretz(maxpts = 5e6, abseps = 1e-8))$quantile
  add("dunnett_limit", list(arms = k, level = .95, side = side, allocation = p[2]), q)
}
save("dunnett", "qmvnorm", 2e-4)

# --- clusters: the formulas of Donner and Klar (2000) as clusterPower's cpa.normal has them, by R's noncentral t ------
cl <- function(k, m, cv, icc, d, v) {
  deff <- 1 + ((cv^2 + 1) * m - 1) * icc
  pt(qt(.975, 2 * (k - 1)), 2 * (k - 1), ncp = sqrt(k * m / (2 * deff)) * d / sqrt(v), lower.tail = FALSE)
}
for (p in list(c(10, 20, 0, .05, .5, 1), c(15, 50, .6, .02, .3, 1), c(6, 100, 0, .01, .25, 1), c(40, 8, .3, .1, .3, 2), c(20, 30, 1, .03, 1, 9)))
  add("power_means", list(effect = p[5], std = sqrt(p[6]), n = p[1] * p[2], options = opt(icc = p[4], cluster_size = p[2], cluster_variation = p[3])),
      cl(p[1], p[2], p[3], p[4], p[5], p[6]))
save("clusters", "pt with ncp; Donner and Klar's design effect with Eldridge's for unequal clusters", 1e-8)

# --- the score test's true power, by summing binomial tables ---------------------------------------------------------
exact <- function(p0, p1, n0, n1, alpha) {
  x0 <- 0:n0; x1 <- 0:n1; z <- qnorm(1 - alpha / 2); up <- 0
  for (i in x1) {
    t <- i + x0; N <- n0 + n1
    v <- t * (N - t) / N / (N - 1) * (1 / n0 + 1 / n1)
    g <- i / n1 - x0 / n0
    up <- up + dbinom(i, n1, p1) * sum(dbinom(x0, n0, p0)[g > 0 & g * g >= z * z * v * (1 - 1e-12)])
  }
  up
}
for (p in list(c(.2, .35, 60, 1), c(.01, .03, 200, 9), c(.005, .02, 300, 4), c(.1, .2, 50, 3), c(.001, .006, 400, 9), c(.3, .45, 25, 2)))
  add("power_rates", list(control = p[1], treatment = p[2], n = p[3], allocation = p[4], method = "exact"), exact(p[1], p[2], p[3], p[3] * p[4], .05))
save("exact", "dbinom summed over the tables that the score test rejects", 1e-9)

# --- equivalence: both one-sided t tests together, by integrating over the variance ----------------------------------
tost <- function(n, d, sd, margin, alpha) {
  df <- 2 * n - 2; se <- sd * sqrt(2 / n)
  inner <- function(u) { s <- sqrt(u / df); lo <- -margin + qt(1 - alpha, df) * se * s; hi <- margin - qt(1 - alpha, df) * se * s
    ifelse(hi > lo, pnorm((hi - d) / se) - pnorm((lo - d) / se), 0) * dchisq(u, df) }
  integrate(inner, max(0, df - 14 * sqrt(2 * df)), df + 14 * sqrt(2 * df), rel.tol = 1e-10, subdivisions = 2000)$value
}
for (p in list(c(651, 0, 10, 2, .025), c(120, .5, 5, 2, .05), c(60, 0, 1, .6, .05), c(300, .1, 3, 1, .05)))
  add("power_equivalence_means", list(effect = p[2], std = p[3], margin = p[4], n = p[1], level = 1 - p[5]), tost(p[1], p[2], p[3], p[4], p[5]))
save("tost", "integrate over the chi-squared variance", 1e-6)
