# Reference values of complier effects. Run: Rscript generate_compliance.R
# Writes rows.csv (the persons of every case) beside the values in r_compliance.json.
# AER::ivreg with sandwich (HC0), estimatr::iv_robust and lm_robust (HC2, CR2), clubSandwich (CR2 and Satterthwaite).
suppressPackageStartupMessages({library(AER); library(sandwich); library(estimatr); library(clubSandwich); library(jsonlite)})
set.seed(20261122)
make <- function(case, n, share, take1, take0, effect, kind = "rate", clusters = 0, strata = 1) {
  cluster <- if (clusters > 0) sample(clusters, n, TRUE, prob = runif(clusters, 0.3, 1)) else seq_len(n)
  stratum <- sample(strata, n, TRUE)
  z <- if (clusters > 0) as.integer(rank(runif(clusters)) <= share * clusters)[cluster] else rbinom(n, 1, share + 0.1 * (stratum - 1))
  shock <- if (clusters > 0) rnorm(clusters, 0, 0.4)[cluster] else 0
  type <- runif(n)
  d <- as.integer(ifelse(z == 1, type < take1, type < take0))
  base <- 0.15 + 0.1 * (type < take1) + 0.05 * stratum
  y <- if (kind == "rate") rbinom(n, 1, pmin(0.95, base + effect * d)) else
    round(pmax(0, 20 * base + effect * d + shock * 5 + rnorm(n, 0, 6)), 2)
  data.frame(case = case, z = z, d = d, y = y, stratum = stratum, cluster = cluster)
}
sets <- list(
  one_sided_rate = make("one_sided_rate", 600, 0.7, 0.45, 0, 0.25),
  two_sided_rate = make("two_sided_rate", 800, 0.5, 0.65, 0.2, 0.2),
  small_holdout_money = make("small_holdout_money", 500, 0.88, 0.5, 0, 4, "money"),
  two_sided_money = make("two_sided_money", 400, 0.5, 0.7, 0.15, 5, "money"),
  weak_money = make("weak_money", 200, 0.5, 0.16, 0.1, 4, "money"),
  tiny_rate = make("tiny_rate", 24, 0.5, 0.7, 0.1, 0.4),
  clustered_rate = make("clustered_rate", 700, 0.5, 0.6, 0.1, 0.2, "rate", clusters = 24),
  clustered_money = make("clustered_money", 500, 0.5, 0.55, 0, 5, "money", clusters = 14))
f <- function(x) as.numeric(x)
ar_end <- function(d, level) {  # roots of the heteroscedastic AR statistic, by regression of y - tau d at each tau
  itt <- lm_robust(y ~ z, d, se_type = "HC2"); v <- function(g, s) var(d[d$z == g, s]) / sum(d$z == g)
  df <- (v(1, "y") + v(0, "y"))^2 / (v(1, "y")^2 / (sum(d$z) - 1) + v(0, "y")^2 / (sum(1 - d$z) - 1))
  q <- qt((1 + level) / 2, df)
  stat <- function(tau) { e <- d$y - tau * d$d; r <- lm_robust(e ~ d$z, se_type = "HC2"); abs(r$coefficients[2] / r$std.error[2]) - q }
  wald <- coef(ivreg(y ~ d | z, data = d))[2]; reach <- 60 * abs(wald) + 10
  side <- function(s) { far <- wald + s * reach; if (stat(far) < 0) NA else uniroot(stat, sort(c(wald, far)), tol = 1e-12)$root }
  c(side(-1), side(1))
}
rows <- list()
for (name in names(sets)) {
  d <- sets[[name]]; fit <- ivreg(y ~ d | z, data = d)
  out <- list(wald = f(coef(fit)[2]), se_hc0 = f(sqrt(vcovHC(fit, type = "HC0")[2, 2])))
  if (startsWith(name, "clustered")) {
    iv <- iv_robust(y ~ d | z, d, clusters = cluster, se_type = "CR2")
    itt <- lm(y ~ z, d); ct <- coef_test(itt, vcovCR(itt, d$cluster, type = "CR2"), test = "Satterthwaite")
    fst <- lm_robust(d ~ z, d, clusters = cluster, se_type = "CR2")
    ivc <- vcovCR(fit, d$cluster, type = "CR2")
    out <- c(out, list(se = f(iv$std.error[2]), se_clubsandwich = f(sqrt(ivc[2, 2])), itt = f(coef(itt)[2]), itt_se = f(ct$SE[2]), itt_df_model = f(ct$df_Satt[2]),
      first_stage = f(fst$coefficients[2]), first_stage_se = f(fst$std.error[2])))
  } else {
    iv <- iv_robust(y ~ d | z, d, se_type = "HC2", diagnostics = TRUE)
    itt <- lm_robust(y ~ z, d, se_type = "HC2"); fst <- lm_robust(d ~ z, d, se_type = "HC2")
    tt <- t.test(y ~ factor(z, levels = c(1, 0)), d)
    ends <- ar_end(d, 0.95)
    out <- c(out, list(se = f(iv$std.error[2]), itt = f(itt$coefficients[2]), itt_se = f(itt$std.error[2]), itt_p = tt$p.value,
      itt_low = tt$conf.int[1], itt_high = tt$conf.int[2], first_stage = f(fst$coefficients[2]), first_stage_se = f(fst$std.error[2]),
      strength = f((fst$coefficients[2] / fst$std.error[2])^2), ar_low = ends[1], ar_high = ends[2],
      # compliers' own means as 2SLS of y d on d and of y (1 - d) on 1 - d (Abadie 2002)
      treated_mean = f(coef(ivreg(I(y * d) ~ d | z, data = d))[2]), untreated_mean = f(coef(ivreg(I(y * (1 - d)) ~ I(1 - d) | z, data = d))[2]),
      treated_mean_se = f(iv_robust(I(y * d) ~ d | z, d, se_type = "HC2")$std.error[2]),
      untreated_mean_se = f(iv_robust(I(y * (1 - d)) ~ I(1 - d) | z, d, se_type = "HC2")$std.error[2])))
  }
  rows[[name]] <- out
}
# strata: the weighted intention to treat, from estimatr in every stratum
d <- make("strata_money", 900, 0.45, 0.6, 0.1, 5, "money", strata = 3); sets$strata_money <- d
w <- table(d$stratum) / nrow(d)
get <- function(y, s) { r <- lm_robust(reformulate("z", y), d[d$stratum == s, ], se_type = "HC2"); c(r$coefficients[2], r$std.error[2]^2) }
iy <- sapply(1:3, function(s) get("y", s)); id <- sapply(1:3, function(s) get("d", s))
itt <- sum(w * iy[1, ]); fs <- sum(w * id[1, ]); d$e <- d$y - itt / fs * d$d
ie <- sapply(1:3, function(s) get("e", s))
rows$strata_money <- list(wald = itt / fs, se = sqrt(sum(w^2 * ie[2, ])) / abs(fs), itt = itt, itt_se = sqrt(sum(w^2 * iy[2, ])), first_stage = fs, first_stage_se = sqrt(sum(w^2 * id[2, ])))
all <- do.call(rbind, lapply(sets, function(s) s[, c("case", "z", "d", "y", "stratum", "cluster")]))
write.csv(all, "rows.csv", row.names = FALSE, quote = FALSE)
v <- function(p) as.character(packageVersion(p))
write_json(list(inputs = list(rows = "rows.csv: case, z assigned, d treated, y outcome, stratum (strata_money only), cluster (clustered cases only)", level = 0.95),
  expected = rows, rtol = 1e-8, atol = 1e-10,
  source = sprintf("R %s; AER %s ivreg with sandwich %s vcovHC (se_hc0); estimatr %s iv_robust, lm_robust (HC2, CR2); clubSandwich %s vcovCR, coef_test; stats::t.test; uniroot on lm_robust (Anderson-Rubin); 2026-11-22",
    getRversion(), v("AER"), v("sandwich"), v("estimatr"), v("clubSandwich"))), "r_compliance.json", auto_unbox = TRUE, digits = 15, pretty = TRUE, na = "null")
