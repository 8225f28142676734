# Reference intervals of R's boot on fixed replicates. Run: Rscript generate_boot.R > r_boot.json
# The ranks of the BCa interval are compared, since boot interpolates between order statistics and we take the outer one.
suppressPackageStartupMessages({library(boot); library(jsonlite)})
set.seed(20261122)
samples <- list(
  aircondit = list(x = aircondit$hours, f = function(d, i) mean(d[i])),
  judge = list(x = as.numeric(precip)[1:40], f = function(d, i) mean(d[i])),
  skewed = list(x = round(rlnorm(30, 2, 1.2), 2), f = function(d, i) mean(d[i])),
  middle = list(x = round(rgamma(25, 2), 3), f = function(d, i) log(mean(d[i]))))
inputs <- list(); rows <- list()
for (name in names(samples)) {
  s <- samples[[name]]
  made <- boot(s$x, s$f, R = 999)
  L <- empinf(made, type = "jack")
  inputs[[name]] <- list(observed = made$t0, replicates = as.numeric(made$t),
                         acceleration = sum(L^3) / (6 * sum(L^2)^1.5))
  for (level in c(0.95, 0.9, 0.8)) {
    found <- suppressWarnings(boot.ci(made, conf = level, type = c("perc", "basic", "bca"), L = L))
    add <- function(kind, what, values) rows[[length(rows) + 1]] <<- list(data = name, kind = kind, level = level,
                                                                       what = what, low = values[1], high = values[2])
    add("percentile", "ends", found$percent[1, 4:5])
    add("basic", "ends", found$basic[1, 4:5])
    add("bca", "ranks", found$bca[1, 2:3])
  }
}
cat(toJSON(list(inputs = inputs, expected = rows, rtol = 1e-12, atol = 1e-12,
  source = sprintf("R %s, boot %s, boot.ci(type = c('perc', 'basic', 'bca')), 2026-11-22", getRversion(), packageVersion("boot"))),
  auto_unbox = TRUE, digits = NA, pretty = FALSE))
