# Reference values of rpact for looks. Run: Rscript generate_rpact.R   (writes r_bounds.json, r_futility.json, r_stopped.json here)
suppressMessages({library(rpact); library(jsonlite)})
setLogLevel("DISABLED")
source_of <- function(what) sprintf("R %s, rpact %s, %s, 2026-11-22", getRversion(), packageVersion("rpact"), what)
write <- function(name, inputs, expected, rtol, atol, what) {
  writeLines(toJSON(list(inputs = inputs, expected = expected, rtol = rtol, atol = atol, source = source_of(what)),
                    auto_unbox = TRUE, digits = 12, pretty = TRUE, null = "null"), name)
}
kinds <- list(
  list(label = "obrien_fleming", number = NULL, type = "asOF"), list(label = "pocock", number = NULL, type = "asP"),
  list(label = "power", number = 1, type = "asKD", gamma = 1), list(label = "power", number = 3, type = "asKD", gamma = 3),
  list(label = "hsd", number = -4, type = "asHSD", gamma = -4), list(label = "hsd", number = 1, type = "asHSD", gamma = 1))
times <- list(c(1, 2) / 2, c(0.22, 0.37, 0.81, 1), (1:5) / 5, c(0.05, 0.1, 0.15, 0.6, 0.9, 1), (1:10) / 10)
design <- function(kind, alpha, sided, rates, ...) {
  args <- list(alpha = alpha, sided = sided, typeOfDesign = kind$type, ...)
  if (length(rates) == 1) args$kMax <- 1 else args$informationRates <- rates
  if (!is.null(kind$gamma)) args$gammaA <- kind$gamma
  do.call(getDesignGroupSequential, args)
}
rows <- list()
for (kind in kinds) for (rates in times) for (sided in c(2, 1)) {
  alpha <- if (sided == 2) 0.05 else 0.025
  found <- design(kind, alpha, sided, rates)
  rows[[length(rows) + 1]] <- list(spending = kind$label, number = kind$number, fractions = rates, level = 1 - alpha,
    side = if (sided == 2) "two" else "greater", z = found$criticalValues, spent = found$alphaSpent)
}
for (level in c(0.9, 0.99)) {
  found <- design(kinds[[1]], 1 - level, 2, times[[3]])
  rows[[length(rows) + 1]] <- list(spending = "obrien_fleming", number = NULL, fractions = times[[3]], level = level,
    side = "two", z = found$criticalValues, spent = found$alphaSpent)
}
write("r_bounds.json", list(what = "spending_bounds"), rows, 0, 1e-7, "getDesignGroupSequential(asOF, asP, asKD, asHSD)")

rows <- list()
for (looks in c(2:10, 15, 20)) for (level in c(0.9, 0.95, 0.99)) for (kind in c("P", "OF")) {
  found <- getDesignGroupSequential(kMax = looks, alpha = 1 - level, sided = 2, typeOfDesign = kind)
  rows[[length(rows) + 1]] <- list(kind = c(P = "pocock", OF = "obrien_fleming")[[kind]], number = NULL, looks = looks,
    level = level, z = found$criticalValues)
}
for (delta in c(0.1, 0.25, 0.4)) for (looks in c(3, 5)) {
  found <- getDesignGroupSequential(kMax = looks, alpha = 0.05, sided = 2, typeOfDesign = "WT", deltaWT = delta)
  rows[[length(rows) + 1]] <- list(kind = "wang_tsiatis", number = delta, looks = looks, level = 0.95, z = found$criticalValues)
}
write("r_group.json", list(what = "group_bounds"), rows, 0, 1e-7, "getDesignGroupSequential(P, OF, WT)")

rows <- list()
betas <- list(list(label = "obrien_fleming", type = "bsOF"), list(label = "pocock", type = "bsP"),
              list(label = "power", number = 2, type = "bsKD", gamma = 2), list(label = "hsd", number = -2, type = "bsHSD", gamma = -2))
for (kind in kinds[c(1, 5)]) for (lost in betas) for (binding in c(FALSE, TRUE)) for (rates in list((1:3) / 3, c(0.3, 0.55, 1))) {
  extra <- list(kind, 0.025, 1, rates, typeBetaSpending = lost$type, beta = 0.2, bindingFutility = binding, betaAdjustment = FALSE)
  if (!is.null(lost$gamma)) extra$gammaB <- lost$gamma
  found <- do.call(design, extra)
  shift <- getDesignCharacteristics(found)$shift
  rows[[length(rows) + 1]] <- list(spending = kind$label, number = kind$number, futility = lost$label, futility_number = lost$number,
    binding = binding, fractions = rates, level = 0.975, power = 0.8, z = found$criticalValues,
    low = found$futilityBounds, drift = sqrt(shift))
}
write("r_futility.json", list(what = "futility_bounds"), rows, 0, 2e-6, "getDesignGroupSequential(bsOF, bsP, bsKD, bsHSD), getDesignCharacteristics")

rows <- list()
cases <- list(list(kind = kinds[[1]], rates = (1:3) / 3, sided = 2, n = c(100, 100), means = c(0.2, 0.25)),
              list(kind = kinds[[1]], rates = (1:3) / 3, sided = 2, n = c(100, 100, 100), means = c(0.05, 0.1, 0.3)),
              list(kind = kinds[[1]], rates = (1:3) / 3, sided = 2, n = c(100, 100, 100), means = c(-0.05, 0.1, 0.01)),
              list(kind = kinds[[2]], rates = (1:4) / 4, sided = 2, n = c(50, 50), means = c(0.2, 0.5)),
              list(kind = kinds[[2]], rates = (1:4) / 4, sided = 2, n = c(50, 50, 50), means = c(0.2, 0.25, 0.4)),
              list(kind = kinds[[5]], rates = c(0.25, 0.6, 1), sided = 2, n = c(100, 140), means = c(0.1, 0.4)),
              list(kind = kinds[[2]], rates = (1:3) / 3, sided = 1, n = c(100, 100), means = c(0.2, 0.25)),
              list(kind = kinds[[1]], rates = (1:3) / 3, sided = 1, n = c(100, 100, 100), means = c(0.1, 0.12, 0.2)))
for (case in cases) {
  alpha <- if (case$sided == 2) 0.05 else 0.025
  found <- design(case$kind, alpha, case$sided, case$rates)
  data <- getDataset(n = case$n, means = case$means, stDevs = rep(1, length(case$n)))
  r <- suppressMessages(getAnalysisResults(found, data, normalApproximation = TRUE, thetaH0 = 0))
  k <- length(case$n)
  s <- suppressMessages(getStageResults(found, data, normalApproximation = TRUE))
  z <- s$overallTestStatistics[k]; mean <- s$overallMeans[k]
  rows[[length(rows) + 1]] <- list(spending = case$kind$label, number = case$kind$number, fractions = case$rates, level = 1 - alpha,
    side = if (case$sided == 2) "two" else "greater", look = k, estimate = mean, standard_error = mean / z,
    final_stage = r$finalStage, value = r$medianUnbiasedEstimates[k], low = r$finalConfidenceIntervalLowerBounds[k],
    high = r$finalConfidenceIntervalUpperBounds[k], p = r$finalPValues[k], repeated_low = r$repeatedConfidenceIntervalLowerBounds[k],
    repeated_high = r$repeatedConfidenceIntervalUpperBounds[k], repeated_p = r$repeatedPValues[k])
}
write("r_stopped.json", list(what = "estimate_after_stopping"), rows, 2e-4, 2e-6, "getAnalysisResults")

rows <- list()
for (kind in kinds[1:2]) for (drift in c(0, 1.5, 2.8, 4)) {
  found <- design(kind, 0.025, 1, c(0.2, 0.5, 0.7, 1))
  r <- getPowerAndAverageSampleNumber(found, theta = drift, nMax = 1)
  rows[[length(rows) + 1]] <- list(spending = kind$label, number = kind$number, fractions = c(0.2, 0.5, 0.7, 1), level = 0.975,
    drift = drift, power = r$overallReject)
}
write("r_power.json", list(what = "Bounds.power"), rows, 0, 1e-6, "getPowerAndAverageSampleNumber")

rows <- list()
for (kind in kinds[1:2]) for (mean in c(-0.05, 0.05, 0.1)) {
  found <- design(kind, 0.025, 1, (1:3) / 3)
  data <- getDataset(n = 100, means = mean, stDevs = 1)
  s <- suppressMessages(getStageResults(found, data, normalApproximation = TRUE))
  power <- suppressMessages(getConditionalPower(s, nPlanned = c(100, 100), thetaH1 = 0.25, assumedStDev = 1))$conditionalPower[3]
  rows[[length(rows) + 1]] <- list(spending = kind$label, number = kind$number, fractions = (1:3) / 3, level = 0.975, look = 1,
    estimate = mean, standard_error = 0.1, effect = 0.25, under_effect = power)
}
write("r_conditional.json", list(what = "conditional_power"), rows, 0, 1e-6, "getConditionalPower")
