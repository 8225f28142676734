# Reference values for the trust checks. Run: Rscript generate_balance.R   (writes the JSON files beside it)
library(jsonlite); library(estimatr); library(mvtnorm); library(clubSandwich)
versions <- sprintf("R %s, estimatr %s, mvtnorm %s, clubSandwich %s", getRversion(), packageVersion("estimatr"), packageVersion("mvtnorm"), packageVersion("clubSandwich"))
put <- function(name, inputs, expected, source, rtol = 1e-9, atol = 1e-12)
  writeLines(toJSON(list(inputs = inputs, expected = expected, rtol = rtol, atol = atol,
    source = paste0(versions, ", ", source, ", 2026-11-22")), auto_unbox = TRUE, digits = NA, pretty = FALSE), paste0(name, ".json"))
set.seed(20261122)

# --- balance: Hotelling's T-squared and t.test (one stratum); Hansen and Bowers by hand (strata, clusters) -----------
n <- 90; z <- rep(c(1, 0), c(30, 60)); x <- cbind(a = rnorm(n), b = rexp(n), c = rbinom(n, 1, 0.3)); x[, 2] <- x[, 2] + 0.5 * x[, 1]
t1 <- x[z == 1, ]; t0 <- x[z == 0, ]; n1 <- 30; n0 <- 60
S <- ((n1 - 1) * cov(t1) + (n0 - 1) * cov(t0)) / (n1 + n0 - 2); d <- colMeans(t1) - colMeans(t0)
T2 <- n1 * n0 / (n1 + n0) * drop(t(d) %*% solve(S) %*% d); p <- 3
hotelling <- pf(T2 * (n1 + n0 - p - 1) / (p * (n1 + n0 - 2)), p, n1 + n0 - p - 1, lower.tail = FALSE)
chi <- n1 * n0 / (n1 + n0) * drop(t(d) %*% solve(cov(x)) %*% d)
single <- lapply(1:3, function(j) { f <- t.test(t1[, j], t0[, j], var.equal = TRUE); s <- sqrt((var(t1[, j]) + var(t0[, j])) / 2)
  list(p = f$p.value, low = f$conf.int[1] / s, high = f$conf.int[2] / s, d = unname(d[j]) / s) })
put("one_stratum", list(z = z, a = x[, 1], b = x[, 2], c = x[, 3]),
    list(p_joint = hotelling, chi_square = chi, p_chi_square = pchisq(chi, 3, lower.tail = FALSE), columns = single),
    "stats::t.test(var.equal=TRUE), stats::pf (Hotelling by hand), Hansen and Bowers (2008) equation 5 by hand")

hb <- function(z, x, s, m) {   # totals x, sizes m, treatment z, stratum s of every unit
  d <- 0; V <- 0; N <- sum(m)
  for (k in unique(s)) { i <- s == k; zz <- z[i]; xx <- x[i, , drop = FALSE]; mm <- m[i]; C <- sum(i); h <- sum(zz)
    dk <- colSums(xx[zz == 1, , drop = FALSE]) / sum(mm[zz == 1]) - colSums(xx[zz == 0, , drop = FALSE]) / sum(mm[zz == 0])
    e <- xx - mm %o% (colSums(xx) / sum(mm)); w <- sum(mm) / N
    d <- d + w * dk; V <- V + w^2 * cov(e) * C / (h * (C - h)) / mean(mm)^2 }
  q <- drop(t(d) %*% solve(V) %*% d); list(d = unname(d), variance = unname(diag(V)), chi_square = q, p = pchisq(q, length(d), lower.tail = FALSE)) }
s <- rep(1:3, c(30, 36, 24)); zs <- c(rep(c(1, 0), c(6, 24)), rep(c(1, 0), c(18, 18)), rep(c(1, 0), c(9, 15)))
put("strata", list(z = zs, s = s, a = x[, 1], b = x[, 2], c = x[, 3]), hb(zs, x, s, rep(1, n)), "Hansen and Bowers (2008) by hand, strata weighted by persons")
g <- rep(1:24, length.out = n); g <- sort(g); zc <- as.numeric((1:24) %in% sample(24, 9))
tot <- rowsum(x, g); size <- as.vector(table(g))
put("clusters", list(z = zc[g], g = g, a = x[, 1], b = x[, 2], c = x[, 3]), hb(zc, tot, rep(1, 24), size), "Hansen and Bowers (2008) by hand, clusters")

# --- homogeneity -------------------------------------------------------------------------------------------------------
cases <- list(list(c(12, 30), c(400, 1600)), list(c(212, 930), c(4000, 16000)), list(c(40, 22, 31), c(500, 480, 510)), list(c(0, 6), c(50, 70)), list(c(3, 1), c(8, 40)))
one <- lapply(cases, function(k) { m <- rbind(k[[1]], k[[2]] - k[[1]]); N <- sum(m); e <- outer(rowSums(m), colSums(m)) / N
  if (min(e) < ifelse(length(k[[1]]) == 2, 30, 5)) p <- fisher.test(m)$p.value else p <- pchisq(suppressWarnings(chisq.test(m, correct = FALSE))$statistic * (N - 1) / N, length(k[[1]]) - 1, lower.tail = FALSE)
  list(counts = k[[1]], totals = k[[2]], p = unname(p)) })
st <- list(list(matrix(c(62, 130, 39, 54), 2, byrow = TRUE), matrix(c(400, 1600, 300, 310), 2, byrow = TRUE)),
           list(matrix(c(12, 30, 20, 9, 14, 3, 7, 7, 7), 3, byrow = TRUE), matrix(c(400, 1600, 800, 300, 310, 50, 90, 100, 110), 3, byrow = TRUE)))
many <- lapply(st, function(k) { A <- array(0, c(2, ncol(k[[1]]), nrow(k[[1]])))
  for (i in seq_len(nrow(k[[1]]))) { A[1, , i] <- k[[1]][i, ]; A[2, , i] <- k[[2]][i, ] - k[[1]][i, ] }
  list(counts = k[[1]], totals = k[[2]], p = mantelhaen.test(A, correct = FALSE)$p.value) })
rare <- list(list(matrix(c(12, 30, 9, 14), 2, byrow = TRUE), matrix(c(400, 1600, 300, 310), 2, byrow = TRUE)),
             list(matrix(c(2, 0, 0, 1), 2, byrow = TRUE), matrix(c(100, 9900, 100, 9900), 2, byrow = TRUE)),
             list(matrix(rep(c(1, 0, 0, 1, 0, 0), c(3, 3, 14, 3, 3, 14)), 20), matrix(rep(c(100, 900), 20), 20, byrow = TRUE)),
             list(matrix(c(399, 1590, 290, 310), 2, byrow = TRUE), matrix(c(400, 1600, 300, 310), 2, byrow = TRUE)))
exact <- lapply(rare, function(k) { A <- array(0, c(2, 2, nrow(k[[1]])))
  for (i in seq_len(nrow(k[[1]]))) { A[1, , i] <- k[[1]][i, ]; A[2, , i] <- k[[2]][i, ] - k[[1]][i, ] }
  list(counts = k[[1]], totals = k[[2]], p = mantelhaen.test(A, exact = TRUE)$p.value) })
put("homogeneity", list(one = 1), list(one = one, many = many, exact = exact), "stats::chisq.test, stats::fisher.test, stats::mantelhaen.test (exact = TRUE in exact)")

# --- split over time ---------------------------------------------------------------------------------------------------
days <- matrix(c(41, 160, 39, 155, 52, 141, 44, 170, 28, 181), ncol = 2, byrow = TRUE)
stat <- sum(apply(days, 1, function(r) chisq.test(r, p = c(0.2, 0.8))$statistic))
put("days", list(days = days), list(chi_square = stat, df = 5, p = pchisq(stat, 5, lower.tail = FALSE)), "stats::chisq.test of every day, summed")

# --- spillover ---------------------------------------------------------------------------------------------------------
house <- rep(1:120, times = sample(2:4, 120, TRUE)); N <- length(house); arm <- rbinom(N, 1, 0.7)
sz <- ave(house, house, FUN = length); nb <- sz - 1; xs <- (ave(arm, house, FUN = sum) - arm) / nb; y <- round(rnorm(N, 1 + 0.4 * xs + 0.1 * nb), 6)
cr1 <- lm_robust(y ~ xs + factor(nb), data = data.frame(y, xs, nb, house, arm), subset = arm == 0, clusters = house, se_type = "stata")
held <- data.frame(y, xs, nb, house)[arm == 0, ]; homes <- list(house = house, arm = arm, y = y)

# --- placebo outcome ---------------------------------------------------------------------------------------------------
a <- round(rexp(80), 6); b <- round(rexp(50) + 0.1, 6); m <- 0.6
tt <- t.test(a, b); lo <- t.test(a, b, mu = -m, alternative = "greater")$p.value; hi <- t.test(a, b, mu = m, alternative = "less")$p.value
put("placebo", list(arm = a, control = b, margin = m), list(difference = unname(tt$estimate[1] - tt$estimate[2]), low = tt$conf.int[1],
    high = tt$conf.int[2], p = tt$p.value, p_equivalence = max(lo, hi)), "stats::t.test")

# --- transport: strata of means, weights of an audience ------------------------------------------------------------------
sy <- rep(1:3, c(40, 50, 30)); zz <- rep(c(1, 0), 60); v <- round(rexp(120, 1 / (1 + sy + 0.5 * zz)), 6); aud <- c(100, 300, 600)
w <- aud / sum(aud); eff <- 0; va <- 0; terms <- c(); fr <- c(); top <- 0; base <- 0
for (k in 1:3) { p1 <- v[sy == k & zz == 1]; p0 <- v[sy == k & zz == 0]; eff <- eff + w[k] * (mean(p1) - mean(p0))
  top <- top + w[k] * mean(p1); base <- base + w[k] * mean(p0)
  terms <- c(terms, w[k]^2 * var(p1) / length(p1), w[k]^2 * var(p0) / length(p0)); fr <- c(fr, length(p1) - 1, length(p0) - 1) }
df <- sum(terms)^2 / sum(terms^2 / fr); half <- qt(0.975, df) * sqrt(sum(terms))
# the same by regression: a weighted linear combination of cell means
fit <- lm(v ~ 0 + factor(sy):factor(zz)); L <- c(-w, w); est <- sum(L * coef(fit))
put("transport", list(stratum = sy, treated = zz, value = v, audience = aud), list(difference = eff, by_regression = est, value = top, value_control = base,
    low = eff - half, high = eff + half, p = 2 * pt(-abs(eff) / sqrt(sum(terms)), df)), "by hand (Satterthwaite), stats::lm")

# --- simultaneous band ---------------------------------------------------------------------------------------------------
n <- 5; q <- c(0.01, 0.03, 0.05, 0.06, 0.08); V <- outer(q, q, pmin) - outer(q, q)   # first returns: binomial process
cr <- qmvnorm(0.95, tail = "both.tails", corr = cov2cor(V), algorithm = GenzBretz(maxpts = 5e5, abseps = 1e-6))$quantile
put("band", list(covariance = V), list(width = cr), "mvtnorm::qmvnorm", rtol = 0.01)

# --- spillover, small samples (last: it draws numbers of its own) ------------------------------------------------------------
fit <- lm(y ~ xs + factor(nb), data = held)
f <- lm_robust(y ~ xs + factor(nb), data = held, clusters = house, se_type = "CR2")
V <- vcovCR(fit, cluster = held$house, type = "CR2"); ct <- coef_test(fit, vcov = V, test = "Satterthwaite"); ci <- conf_int(fit, vcov = V, test = "Satterthwaite")
put("spillover", homes, list(slope = unname(f$coefficients["xs"]), se = ct["xs", "SE"], p = ct["xs", "p_Satt"],
    low = ci["xs" == rownames(ct), "CI_L"], high = ci["xs" == rownames(ct), "CI_U"], df = ct["xs", "df_Satt"], groups = length(unique(held$house)),
    estimatr = list(se = unname(f$std.error["xs"]), p = unname(f$p.value["xs"]), df = unname(f$df["xs"])),
    stata = list(se = unname(cr1$std.error["xs"]), p = unname(cr1$p.value["xs"]), df = unname(cr1$df["xs"]))),
    "clubSandwich::vcovCR(CR2), coef_test and conf_int (Satterthwaite); estimatr::lm_robust(clusters, se_type = \"CR2\")")
