# Gap and calibration factor of one step, from rows of persons.
# Run in this folder: Rscript generate_gap.R   (R with jsonlite and estimatr)
#
# gap.json: gap per person = mean(credit, sms) - (mean(woken, sms) - mean(woken, holdout)); its standard error from
# stats::var by arm, the interval with stats::qnorm; the factor's ends are where (d - f a)^2 = z^2 var(d - f a), by
# stats::polyroot. adjusted.json: estimatr::lm_lin of woken - credit on the arm with the covariate, HC2.
library(jsonlite)
library(estimatr)

versions <- paste0("R ", getRversion(), ", estimatr ", packageVersion("estimatr"), ", 2026-11-22")
set.seed(20261122)
n <- 1500
arm <- rep(c("holdout", "sms"), c(500, 1000))
past <- rpois(n, 2)
woken <- rbinom(n, 1, 0.04 + 0.02 * past + 0.06 * (arm == "sms"))
sms <- ifelse(arm == "sms", rbinom(n, 1, 0.6), 0)
search <- rbinom(n, 1, 0.3)
credit <- ifelse(woken == 1 & sms == 1, sms / (sms + search), 0)

t <- arm == "sms"
z <- qnorm(0.975)
d <- mean(woken[t]) - mean(woken[!t])
a <- mean(credit[t])
rest <- woken - credit
gap <- mean(woken[!t]) - mean(rest[t])
se <- sqrt(var(rest[t]) / sum(t) + var(woken[!t]) / sum(!t))
vd <- var(woken[t]) / sum(t) + var(woken[!t]) / sum(!t)
va <- var(credit[t]) / sum(t)
cda <- cov(woken[t], credit[t]) / sum(t)
ends <- sort(Re(polyroot(c(d^2 - z^2 * vd, -2 * (d * a - z^2 * cda), a^2 - z^2 * va))))
inputs <- list(arm = arm, woken = woken, sms = sms, search = search, past = past)
write_json(
  list(
    inputs = inputs,
    expected = list(
      gap = gap, gap_low = gap - z * se, gap_high = gap + z * se, factor = d / a, factor_low = ends[1],
      factor_high = ends[2]
    ),
    rtol = 1e-9, atol = 0,
    source = paste0(versions, ", stats::var, stats::cov, stats::polyroot")
  ),
  "gap.json", digits = NA, auto_unbox = TRUE
)

outcome <- ifelse(t, rest, woken)
fit <- lm_lin(outcome ~ treated, covariates = ~ past, se_type = "HC2",
              data = data.frame(outcome = outcome, treated = as.numeric(t), past = past))
write_json(
  list(
    inputs = inputs,
    expected = list(gap = -fit$coefficients[["treated"]], error = fit$std.error[["treated"]]),
    rtol = 1e-8, atol = 0,
    source = paste0(versions, ", estimatr::lm_lin")
  ),
  "adjusted.json", digits = NA, auto_unbox = TRUE
)
