# The published examples computed by R, in full digits: what was entered by hand is held against them.
# Run: Rscript generate_confirmed.R > r_confirmed.json
suppressPackageStartupMessages({library(jsonlite); library(survival)})

aspirin <- c(189 / 11034, 104 / 11037)
peas <- chisq.test(c(315, 108, 101, 32), p = c(9, 3, 3, 1) / 16)
sleep_test <- t.test(extra ~ group, data = sleep)
neuhaus <- c(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
             0.7590, 1.0000)
cups <- function(told) {
  fisher.test(matrix(c(told, 4 - told, 4 - told, told), 2), alternative = "greater")$p.value
}
weeks <- c(6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35)
ended <- c(1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)
curve <- survfit(Surv(weeks, ended) ~ 1)

# Boschloo's p-value: the largest chance, over the common rate, of a table that Fisher's test finds as extreme.
boschloo <- function(hits, n, other, m) {
  fisher <- outer(0:n, 0:m, Vectorize(function(a, b) phyper(a - 1, n, m, a + b, lower.tail = FALSE)))
  extreme <- fisher <= fisher[hits + 1, other + 1] * (1 + 1e-9)
  chance <- function(rate) sum(outer(dbinom(0:n, n, rate), dbinom(0:m, m, rate))[extreme])
  grid <- seq(0.001, 0.999, by = 0.001)
  top <- grid[which.max(sapply(grid, chance))]
  optimize(chance, top + c(-0.002, 0.002), maximum = TRUE, tol = 1e-12)$objective
}

# Brunner and Munzel (2000), formulas (2.4) to (2.8): mid-ranks within and over both groups.
brunner_munzel <- function(x, y, level = 0.95) {
  n <- length(x); m <- length(y); pooled <- rank(c(x, y)); own <- rank(x); other <- rank(y)
  first <- pooled[1:n]; second <- pooled[n + 1:m]
  value <- (mean(second) - (m + 1) / 2) / n
  s1 <- sum((first - own - mean(first) + (n + 1) / 2)^2) / (n - 1)
  s2 <- sum((second - other - mean(second) + (m + 1) / 2)^2) / (m - 1)
  error <- sqrt(s1 / (n * m^2) + s2 / (m * n^2))
  freedom <- (n * s1 + m * s2)^2 / ((n * s1)^2 / (n - 1) + (m * s2)^2 / (m - 1))
  half <- qt(1 - (1 - level) / 2, freedom) * error
  list(value = value, low = value - half, high = value + half, p = 2 * pt(-abs((value - 0.5) / error), freedom))
}
pain <- list(c(1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1), c(3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4))

expected <- list(
  aspirin = list(c(aspirin, diff(rev(aspirin)))),
  peas = list(c(unname(peas$statistic), peas$p.value)),
  sample_ratio = list(chisq.test(c(821588, 815482))$p.value),
  sleep = list(c(sleep_test$conf.int, sleep_test$p.value)),
  r_power = list(power.prop.test(n = 50, p1 = 0.5, p2 = 0.75)$power,
                 power.prop.test(p1 = 0.5, p2 = 0.75, power = 0.9, tol = 1e-12)$n,
                 power.t.test(n = 20, delta = 1)$power,
                 power.t.test(delta = 1, power = 0.9, tol = 1e-12)$n),
  exact_tables = list(boschloo(74, 117, 31, 63), fisher.test(matrix(c(6, 2, 1, 4), 2))$p.value),
  false_discovery = list(sum(p.adjust(neuhaus, "bonferroni") <= 0.05), sum(p.adjust(neuhaus, "BH") <= 0.05)),
  tea_tasting = list(cups(4), cups(3)),
  remission = list(c(summary(curve, times = c(6, 7, 10, 13, 16, 22, 23))$surv, unname(quantile(curve, 0.5)$quantile))),
  pain = brunner_munzel(pain[[1]], pain[[2]]),
  placenta_previa = list(mean = 438 / 982, low = qbeta(0.025, 438, 544), high = qbeta(0.975, 438, 544)))
cat(toJSON(list(inputs = "the calls of the files of these names; pain: ranks/published.json; placenta_previa: bayes/published.json",
  expected = expected, rtol = 1e-6, atol = 0,
  source = sprintf("R %s, stats and survival %s, with Boschloo's test and that of Brunner and Munzel written out from their formulas, 2026-11-23",
                   getRversion(), packageVersion("survival"))), auto_unbox = TRUE, digits = NA, pretty = 1))
