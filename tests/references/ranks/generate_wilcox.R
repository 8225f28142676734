# Reference values of base R: the Mann-Whitney statistic over n1 n0. Run: Rscript generate_wilcox.R > r_wilcox.json
suppressPackageStartupMessages(library(jsonlite))
set.seed(20261122)
pairs <- list(
  pain = list(c(3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4), c(1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1)),
  sleep = list(sleep$extra[sleep$group == 2], sleep$extra[sleep$group == 1]),
  warp = list(warpbreaks$breaks[warpbreaks$tension == "L"], warpbreaks$breaks[warpbreaks$tension == "H"]),
  insects = list(InsectSprays$count[InsectSprays$spray == "D"], InsectSprays$count[InsectSprays$spray == "E"]),
  chicks = list(chickwts$weight[chickwts$feed == "casein"], chickwts$weight[chickwts$feed == "linseed"]),
  teeth = list(ToothGrowth$len[ToothGrowth$supp == "OJ"], ToothGrowth$len[ToothGrowth$supp == "VC"]),
  money = list(round(rlnorm(90, 3.2, 1), 0), round(rlnorm(40, 3, 1.3), 0)),
  zeros = list(c(rep(0, 80), rpois(20, 3) + 1), c(rep(0, 45), rpois(5, 3) + 1)))
rows <- lapply(names(pairs), function(name) {
  x <- pairs[[name]][[1]]; y <- pairs[[name]][[2]]
  found <- suppressWarnings(wilcox.test(x, y, exact = FALSE))
  list(data = name, value = unname(found$statistic) / (length(x) * length(y)))
})
cat(toJSON(list(inputs = pairs, expected = rows, rtol = 1e-13, atol = 0,
  source = sprintf("R %s, stats::wilcox.test, statistic / (n1 n0), 2026-11-22", getRversion())), auto_unbox = TRUE, digits = NA, pretty = 1))
