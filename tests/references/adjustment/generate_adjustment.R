# Reference values of covariate adjustment. Run in this directory: Rscript generate_adjustment.R
# estimatr::lm_lin (HC2), sandwich::vcovHC, clubSandwich (degrees of freedom), summary(lm) for the moments' version.
suppressMessages({library(estimatr); library(sandwich); library(clubSandwich); library(jsonlite)})
set.seed(20261122)
source_line <- function(what) sprintf("R %s, estimatr %s, sandwich %s, clubSandwich %s: %s, 2026-11-22", getRversion(),
  packageVersion("estimatr"), packageVersion("sandwich"), packageVersion("clubSandwich"), what)
save <- function(name, data, expected, inputs = list(), what) write(toJSON(list(
  inputs = c(list(columns = as.list(data)), inputs), expected = expected, rtol = 1e-8, atol = 1e-10,
  source = source_line(what)), auto_unbox = TRUE, digits = 15, null = "null"), paste0(name, ".json"))
r6 <- function(x) round(x, 6)

# One arm's figure by its own regression; z holds the covariates centred at their (stratum's) mean over all arms.
arm_fit <- function(d, z, weights) {
  names <- sprintf("z%d", seq_len(ncol(z))); d[names] <- z
  left <- if (length(weights) == 1) "1" else "0 + s"
  m <- lm(as.formula(paste("y ~", paste(c(left, names), collapse = " + "))), d)
  l <- c(weights, rep(0, ncol(z)))
  hc2 <- sqrt(drop(l %*% vcovHC(m, "HC2") %*% l))
  few <- linear_contrast(m, vcovCR(m, cluster = seq_len(nrow(d)), type = "CR2"), contrasts = matrix(l, 1), test = "Satterthwaite")
  classical <- sqrt(drop(l %*% vcov(m) %*% l))
  list(value = sum(l * coef(m)), se = hc2, df = few$df, se_classical = classical, slopes = coef(m)[names], se_bm = few$SE)
}
case <- function(name, d, xs, strata = FALSE, lin = TRUE) {
  d$s <- factor(if (strata) d$s else "all")
  shares <- as.numeric(table(d$s)) / nrow(d)
  z <- as.matrix(d[xs]); for (k in levels(d$s)) z[d$s == k, ] <- scale(z[d$s == k, , drop = FALSE], scale = FALSE)
  arms <- sort(unique(d$arm))
  fits <- lapply(arms, function(a) arm_fit(d[d$arm == a, ], z[d$arm == a, , drop = FALSE], shares))
  expected <- list(value = sapply(fits, `[[`, "value"), se = sapply(fits, `[[`, "se"), df = sapply(fits, `[[`, "df"))
  if (!strata) expected$se_moments <- sapply(fits, `[[`, "se_classical")
  if (lin) {
    f <- lm_lin(y ~ treat, as.formula(paste("~", paste(xs, collapse = " + "))), data = transform(d, treat = as.integer(arm == arms[2])), se_type = "HC2")
    expected$lin_difference <- unname(coef(f)["treat"]); expected$lin_se <- unname(f$std.error["treat"])
  }
  if (length(arms) == 2 && !strata) {
    gap <- fits[[2]]$slopes - fits[[1]]$slopes
    expected$population_se <- sqrt(sum(expected$se^2) + drop(t(gap) %*% cov(as.matrix(d[xs])) %*% gap) / nrow(d))
  }
  keep <- c("arm", "y", xs, if (strata) "s")
  save(name, d[keep], expected, list(covariates = as.list(xs), strata = strata),
    "lm_lin; lm per arm with vcovHC(HC2), vcovCR(CR2, one row per cluster) and linear_contrast; vcov(lm)")
}
data <- function(n, arms, p) {
  d <- data.frame(arm = sample(arms, n, TRUE, p))
  d$x1 <- r6(rexp(n) * 10); d$x2 <- r6(rnorm(n)); d$s <- sample(c("north", "south", "west"), n, TRUE, c(.5, .3, .2)); d
}
two <- c("a", "b")
d <- data(150, two, c(.3, .7)); d$y <- r6(3 + .4 * d$x1 + (d$arm == "b") * (1 + .1 * d$x1) + rnorm(150)); case("one_strong_covariate", d, "x1")
d <- data(200, two, c(.25, .75)); d$y <- r6(exp(rnorm(200)) * (1 + .2 * d$x1) + (d$arm == "b") * .5); case("two_covariates_skewed", d, c("x1", "x2"))
d <- data(240, two, c(.4, .6)); d$y <- as.integer(runif(240) < plogis(-1 + .1 * d$x1 + .4 * (d$arm == "b"))); case("rate", d, c("x1", "x2"))
d <- data(260, two, c(.2, .8)); d$y <- r6(rnorm(260) + .3 * (d$arm == "b")); case("no_gain", d, c("x1", "x2"))
d <- data(220, two, c(.35, .65)); d$none <- rbinom(220, 1, .2); d$x1 <- ifelse(d$none == 1, 0, d$x1)
d$y <- r6(2 + .3 * d$x1 - d$none + (d$arm == "b") * .8 + rnorm(220)); case("missing_history", d, c("x1", "none"))
d <- data(300, c("a", "b", "c"), c(.3, .3, .4)); d$y <- r6(1 + .2 * d$x1 + (d$arm == "c") * .1 * d$x1 + rnorm(300)); case("three_arms", d, "x1", lin = FALSE)
d <- data(320, two, c(.4, .6)); d$arm <- ifelse(d$s == "west" & runif(320) < .5, "a", d$arm)
d$y <- r6(5 * (d$s == "west") + .3 * d$x1 + (d$arm == "b") * .5 + rnorm(320) * (1 + (d$s == "south"))); case("strata_one_covariate", d, "x1", strata = TRUE, lin = FALSE)
d <- data(400, c("a", "b", "c"), c(.3, .3, .4)); d$y <- r6(2 * (d$s == "west") + .1 * d$x1^1.2 + d$x2 * (d$arm == "b") + rnorm(400)); case("strata_three_arms", d, c("x1", "x2"), strata = TRUE, lin = FALSE)
d <- data(180, two, c(.3, .7)); d$x1 <- r6(rnorm(180)); d$y <- r6(10 + 2 * d$x1 + (d$arm == "b") * (.4 - d$x1) + rnorm(180)); case("opposite_slopes", d, "x1")

# Ratio of sums: each arm's linearised outcome, regressed with sandwich; the point estimate is the ratio of two fits.
d <- data(260, two, c(.4, .6)); d$bottom <- rpois(260, 2 + .1 * d$x1) + 1; d$y <- r6(d$bottom * (2 + .05 * d$x1) + (d$arm == "b") + rnorm(260))
d$z <- d$x1 - mean(d$x1); value <- se <- df <- c()
for (a in two) {
  e <- d[d$arm == a, ]; top <- coef(lm(y ~ z, e))[1]; low <- coef(lm(bottom ~ z, e))[1]; ratio <- unname(top / low)
  e$lin <- (e$y - ratio * e$bottom) / low; m <- lm(lin ~ z, e)
  value <- c(value, ratio); se <- c(se, sqrt(vcovHC(m, "HC2")[1, 1]))
  df <- c(df, linear_contrast(m, vcovCR(m, cluster = seq_len(nrow(e)), type = "CR2"), contrasts = matrix(c(1, 0), 1), test = "Satterthwaite")$df)
}
save("ratio", d[c("arm", "y", "bottom", "x1")], list(value = value, se = se, df = df), list(covariates = list("x1"), strata = FALSE, bottom = "bottom"),
  "lm of the linearised ratio per arm with vcovHC(HC2)")
