# Time to return in two strata and two arms: survival::survfit per stratum and arm, weighted over the strata by hand.
library(survival)
library(jsonlite)
set.seed(20261122)
n <- 160
rows <- data.frame(
  arm = rep(c("holdout", "sms"), length.out = n),
  stratum = rep(c("a", "a", "b", "b", "b"), length.out = n),
  follow = sample(c(5:20, rep(40, 12)), n, replace = TRUE)
)
wait <- round(rexp(n, ifelse(rows$arm == "sms", 1 / 25, 1 / 45)), 3)
rows$back <- wait < rows$follow
rows$time <- pmin(wait, rows$follow)
horizon <- 30
times <- c(3, 10, 17, 30)
weights <- table(rows$stratum) / n
arm_of <- function(arm) {
  parts <- lapply(names(weights), function(stratum) {
    own <- rows[rows$arm == arm & rows$stratum == stratum, ]
    fit <- survfit(Surv(time, back) ~ 1, data = own)
    told <- summary(fit, times = times)
    area <- summary(fit, rmean = horizon)$table
    list(
      surv = told$surv, se = told$std.err, mean = area[["rmean"]], mean_se = area[["se(rmean)"]],
      w = as.numeric(weights[stratum])
    )
  })
  list(
    returned = 1 - Reduce(`+`, lapply(parts, function(p) p$w * p$surv)),
    standard_error = sqrt(Reduce(`+`, lapply(parts, function(p) p$w^2 * p$se^2))),
    mean = sum(sapply(parts, function(p) p$w * p$mean)),
    mean_error = sqrt(sum(sapply(parts, function(p) p$w^2 * p$mean_se^2)))
  )
}
expected <- list(holdout = arm_of("holdout"), sms = arm_of("sms"))
write_json(list(
  inputs = list(rows = rows, horizon = horizon, times = times), expected = expected, rtol = 1e-9, atol = 0,
  source = paste0("survival ", packageVersion("survival"), ", survfit per stratum, R ", getRversion(), ", 2026-11-22")
), "returns.json", auto_unbox = TRUE, digits = 15, pretty = FALSE)
