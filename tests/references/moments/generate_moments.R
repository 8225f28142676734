# Reference values of moments by cell. Run in this directory: Rscript generate_moments.R
# stats::mean, var, cov and moments of three arms, with missing values, a limit and a covariate that some persons lack;
# the last case adds 1e9 to every value (R's var centres first).
suppressMessages(library(jsonlite))
set.seed(20261122)
n <- 90
r4 <- function(x) round(x, 4)
d <- data.frame(arm = rep(c("a", "b", "c"), length.out = n), y = r4(rlnorm(n, 3, 1.5)), x = r4(rnorm(n, 40, 9)),
  orders = rpois(n, 1.5))
d$y[c(3, 17, 44)] <- NA
d$x[c(5, 17, 60, 61)] <- NA
moments_of <- function(d) {
  middle <- mean(d$x[!is.na(d$y)], na.rm = TRUE)
  kept <- d[!is.na(d$y), ]
  kept$z <- as.integer(is.na(kept$x)); kept$x[is.na(kept$x)] <- middle
  lapply(split(kept, kept$arm), function(p) list(
    n = nrow(p), mean = mean(p$y), variance = var(p$y), mean_x = mean(p$x), covariance = cov(p$y, p$x),
    variance_x = var(p$x), covariance_z = cov(p$y, p$z), third = sum((p$y - mean(p$y))^3), low = min(p$y), high = max(p$y),
    orders = mean(p$orders), cov_orders = cov(p$y, p$orders)))
}
save <- function(name, d, cap = NULL) {
  used <- d; if (!is.null(cap)) used$y <- pmin(used$y, cap)
  write(toJSON(list(inputs = list(columns = as.list(d), cap = cap), expected = moments_of(used), rtol = 1e-9, atol = 1e-9,
    source = sprintf("R %s, package stats: mean, var, cov by arm, 2026-11-22", getRversion())),
    auto_unbox = TRUE, digits = NA, null = "null", na = "null"), paste0(name, ".json"))
}
save("plain", d)
save("capped", d, cap = 60)
save("shifted", transform(d, y = y + 1e9))
