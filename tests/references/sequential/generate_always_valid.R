# Always-valid readings by integrating the normal mixture of likelihood ratios in R. Run: Rscript generate_always_valid.R
suppressMessages(library(jsonlite))
evidence <- function(z, g) {  # mean over theta ~ N(0, g) of exp(theta z - theta^2 / 2), theta in standard errors
  value <- function(theta) exp(theta * z - theta^2 / 2) * dnorm(theta, 0, sqrt(g))
  middle <- z * g / (1 + g); width <- 12 * sqrt(g / (1 + g))
  integrate(value, middle - width, middle + width, rel.tol = 1e-12, subdivisions = 2000)$value
}
rows <- list()
for (level in c(0.9, 0.95, 0.99)) for (planned in c(2000, 10000)) for (n in c(200, 2000, 6000, 50000)) {
  alpha <- 1 - level
  r2 <- (-2 * log(alpha) + log(1 - 2 * log(alpha))) / planned
  g <- n * r2
  z <- uniroot(function(z) log(evidence(z, g)) + log(alpha), c(0.5, 20), tol = 1e-13)$root
  rows[[length(rows) + 1]] <- list(level = level, planned_n = planned, n = n, z = z, p_at_2_8 = min(1, 1 / evidence(2.8, g)))
}
writeLines(toJSON(list(inputs = list(what = "always_valid"), expected = rows, rtol = 1e-9, atol = 0,
  source = sprintf("R %s, stats::integrate of the mixture and stats::uniroot, 2026-11-22", getRversion())),
  auto_unbox = TRUE, digits = 15, pretty = TRUE), "r_always_valid.json")
