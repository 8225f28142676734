# Reference values of cluster-robust inference. Run in this directory: Rscript generate_clusters.R
# clubSandwich (CR2, Satterthwaite) per arm; estimatr::difference_in_means with clusters; survey::svymean where sizes are
# equal (its factor G / (G - 1) is then CR2's); aov's mean squares for the intra-cluster correlation.
suppressMessages({library(estimatr); library(clubSandwich); library(survey); library(jsonlite)})
set.seed(20261122)
save <- function(name, data, expected, inputs, what) write(toJSON(list(
  inputs = c(list(columns = as.list(data)), inputs), expected = expected, rtol = 1e-8, atol = 1e-10,
  source = sprintf("R %s, clubSandwich %s, estimatr %s, survey %s: %s, 2026-11-22", getRversion(), packageVersion("clubSandwich"),
    packageVersion("estimatr"), packageVersion("survey"), what)), auto_unbox = TRUE, digits = 15), paste0(name, ".json"))
r6 <- function(x) round(x, 6)
fit <- function(d, l, terms, y = "y") {
  m <- lm(as.formula(paste(y, "~", terms)), d)
  t <- linear_contrast(m, vcovCR(m, cluster = d$cluster, type = "CR2"), contrasts = matrix(l, 1), test = "Satterthwaite")
  c(sum(l * coef(m)), t$SE, t$df)
}
icc <- function(d) {  # analysis of variance inside arms and strata, Donner and Klar
  d$cell <- interaction(d$arm, d$s, drop = TRUE); d$g <- interaction(d$cell, d$cluster, drop = TRUE)
  a <- summary(aov(y ~ (if (nlevels(d$cell) > 1) cell else 1) + g, d))[[1]]
  k <- nrow(a); n <- as.numeric(table(d$g)); of <- d$cell[match(levels(d$g), d$g)]
  usual <- (nrow(d) - sum(tapply(n^2, of, sum) / tapply(n, of, sum))) / (length(n) - nlevels(d$cell))
  (a[k - 1, 3] - a[k, 3]) / (a[k - 1, 3] + (usual - 1) * a[k, 3])
}
make <- function(groups, sizes, rho, arms = c("a", "b")) {
  d <- do.call(rbind, lapply(seq_len(groups), function(g) data.frame(cluster = sprintf("c%02d", g), size = sizes[(g - 1) %% length(sizes) + 1], base = rnorm(1))))
  d$arm <- rep(arms, length.out = groups); d$s <- sample(c("north", "south"), groups, TRUE)
  d <- d[rep(seq_len(groups), d$size), ]; n <- nrow(d)
  d$x1 <- r6(rnorm(n) + .5 * d$base); d$noise <- sqrt(rho) * d$base + sqrt(1 - rho) * rnorm(n)
  d$x2 <- r6(rexp(n)); d
}
case <- function(name, d, xs = c(), strata = FALSE, icc_too = FALSE) {
  d$s <- factor(if (strata) d$s else "all"); w <- as.numeric(table(d$s)) / nrow(d)
  for (x in xs) { d[[paste0("z_", x)]] <- d[[x]] - ave(d[[x]], d$s) }
  terms <- paste(c(if (strata) "0 + s" else "1", if (length(xs)) paste0("z_", xs)), collapse = " + ")
  f <- sapply(sort(unique(d$arm)), function(a) fit(d[d$arm == a, ], c(w, rep(0, length(xs))), terms))
  expected <- list(value = unname(f[1, ]), se = unname(f[2, ]), df = unname(f[3, ]))
  if (icc_too) expected$correlation <- icc(d)
  if (!strata && !length(xs) && ncol(f) == 2) {
    e <- difference_in_means(y ~ arm, d, clusters = cluster, condition1 = "a", condition2 = "b")
    expected$difference <- unname(coef(e)); expected$difference_se <- unname(e$std.error)
  }
  save(name, d[c("arm", "cluster", "y", xs, if (strata) "s")], expected, list(covariates = as.list(xs), strata = strata),
    "lm per arm with vcovCR(CR2) and linear_contrast(Satterthwaite); difference_in_means(clusters); aov")
}
d <- make(16, 6, .2); d$y <- r6(2 + d$noise + .3 * (d$arm == "b")); case("equal_sizes", d, icc_too = TRUE)
s <- sapply(c("a", "b"), function(a) { v <- svymean(~y, svydesign(~cluster, data = d[d$arm == a, ], weights = ~1)); c(coef(v), SE(v)) })
save("survey_equal_sizes", d[c("arm", "cluster", "y")], list(value = unname(s[1, ]), se = unname(s[2, ])), list(covariates = list(), strata = FALSE), "svymean of a design with clusters")
d <- make(20, c(2, 5, 9, 14), .15); d$y <- r6(1 + d$noise); case("unequal_sizes", d, icc_too = TRUE)
d <- make(16, c(3, 8, 20), .1); d$y <- as.integer(d$noise > .8 - .3 * (d$arm == "b")); case("rate_eight_per_arm", d, icc_too = TRUE)
d <- make(8, c(4, 30), .3); d$y <- r6(exp(d$noise)); case("four_per_arm_skewed", d)
d <- make(30, c(3, 7, 5), .2, c("a", "b", "c")); d$y <- r6(d$noise + (d$arm == "c")); case("three_arms", d, icc_too = TRUE)
d <- make(24, c(4, 6, 11), .2); d$y <- r6(d$noise + .7 * d$x1 + .2 * (d$arm == "b") * d$x1); case("one_covariate", d, "x1")
d <- make(32, c(4, 6, 11), .1); d$y <- r6(d$noise + .7 * d$x1 + .3 * d$x2); case("two_covariates", d, c("x1", "x2"))
d <- make(28, c(3, 6), .2); d$y <- r6(d$noise + 2 * (d$s == "south") + .3 * (d$arm == "b")); case("strata_of_clusters", d, strata = TRUE, icc_too = TRUE)
d <- make(24, c(6, 12), .2); d$s <- sample(c("new", "old", "vip"), nrow(d), TRUE, c(.5, .3, .2)); d$y <- r6(d$noise + (d$s == "vip")); case("clusters_across_strata", d, strata = TRUE)
d <- make(40, c(5, 9), .2); d$s <- sample(c("new", "old"), nrow(d), TRUE); d$y <- r6(d$noise + .6 * d$x1 + (d$s == "old")); case("strata_and_covariates", d, c("x1", "x2"), strata = TRUE)
d <- make(20, c(3, 8, 13), .2); d$bottom <- rpois(nrow(d), 2) + 1; d$y <- r6(d$bottom * (1 + .2 * d$noise))
f <- sapply(c("a", "b"), function(a) { e <- d[d$arm == a, ]; ratio <- sum(e$y) / sum(e$bottom); e$lin <- (e$y - ratio * e$bottom) / mean(e$bottom); c(ratio, fit(e, 1, "1", "lin")[2:3]) })
save("ratio", d[c("arm", "cluster", "y", "bottom")], list(value = unname(f[1, ]), se = unname(f[2, ]), df = unname(f[3, ])), list(covariates = list(), strata = FALSE, bottom = "bottom"), "lm of the linearised ratio per arm, vcovCR(CR2)")
