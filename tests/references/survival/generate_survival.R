# Kaplan-Meier with limits on three scales, quantiles, restricted means and the variance over persons: survival::survfit.
# Run in this folder: Rscript generate_survival.R
library(survival)
library(jsonlite)
set.seed(20261122)
n <- 160
person <- sample(1:45, n, replace = TRUE)
frailty <- rgamma(45, 2, 2)[person]
life <- ceiling(rexp(n, 0.08 * frailty))
follow <- sample(5:40, n, replace = TRUE)
cases <- list(
  ties = list(time = c(1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 9, 9), event = c(1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0),
              person = c(1, 1, 2, 2, 2, 3, 4, 4, 5, 6, 6, 7), horizon = 7),
  heavy_censoring = list(time = c(3, 3, 5, 8, 8, 9, 12, 14, 20, 21), event = c(1, 0, 0, 0, 1, 0, 0, 0, 0, 0),
                         person = 1:10, horizon = 18),
  zero_durations = list(time = c(0, 0, 0, 1.5, 2.5, 2.5, 7, 11), event = c(1, 1, 0, 1, 1, 0, 1, 0),
                        person = c(1, 2, 3, 1, 2, 3, 4, 4), horizon = 10),
  shared_frailty = list(time = pmin(life, follow), event = as.numeric(life <= follow), person = person, horizon = 30)
)
# No curve is flat exactly at one of these: there R takes the middle of the flat piece, and we its beginning.
shares <- c(0.13, 0.28, 0.43, 0.63)
flat <- quantile(survfit(Surv(c(1, 2, 4, 8)) ~ 1), probs = 0.5, conf.int = FALSE)
read <- function(case) {
  rows <- data.frame(time = case$time, event = case$event, person = case$person)
  limits <- lapply(c("log-log", "log", "plain"), function(kind) {
    fit <- survfit(Surv(time, event) ~ 1, data = rows, conf.type = kind)
    found <- quantile(fit, probs = shares)
    list(low = fit$lower, high = fit$upper, quantile = unname(found$quantile), quantile_low = unname(found$lower),
         quantile_high = unname(found$upper))
  })
  names(limits) <- c("loglog", "log", "plain")
  fit <- survfit(Surv(time, event) ~ 1, data = rows)
  robust <- survfit(Surv(time, event) ~ 1, data = rows, cluster = person, conf.type = "log-log")
  area <- summary(fit, rmean = case$horizon)$table
  list(time = fit$time, at_risk = fit$n.risk, events = fit$n.event, censored = fit$n.censor, survival = fit$surv,
       standard_error = fit$surv * fit$std.err, limits = limits, robust_error = robust$std.err,
       robust_low = robust$lower, robust_high = robust$upper, mean = unname(area[grep("rmean", names(area))[1]]),
       mean_error = unname(area[grep("se\\(rmean\\)", names(area))[1]]))
}
# The variance of a window's share over persons, 1 - S(end) / S(begin): entry at `begin`, survfit with cluster.
window <- function(case, begin, end) {
  rows <- data.frame(time = case$time, event = case$event, person = case$person, begin = begin)
  rows <- rows[rows$time > begin, ]
  fit <- survfit(Surv(begin, time, event) ~ 1, data = rows, cluster = person)
  at <- max(which(fit$time <= end))
  list(begin = begin, end = end, share = 1 - fit$surv[at], error = fit$std.err[at])
}
frail <- cases$shared_frailty
write_json(list(
  inputs = list(cases = cases, shares = shares), expected = lapply(cases, read),
  flat = unname(flat),
  windows = list(window(frail, 3, 10), window(frail, 8, 20), window(frail, 0.5, 30)),
  rtol = 1e-10, atol = 1e-12,
  source = paste0("survival ", packageVersion("survival"), ", survfit, quantile, summary, R ", getRversion(), ", 2026-11-22")
), "survfit.json", auto_unbox = TRUE, digits = 15, pretty = TRUE, na = "null")
