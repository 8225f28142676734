# Reference values of base R for the split check. Run: Rscript generate.R > r_split.json
cases <- list(list(c(2000, 8210), c(0.2, 0.8)), list(c(5000, 5400), c(0.5, 0.5)), list(c(330, 341, 360), c(1, 1, 1) / 3),
              list(c(98, 310, 290, 302), c(0.1, 0.3, 0.3, 0.3)), list(c(1, 9), c(0.2, 0.8)), list(c(4, 0), c(0.5, 0.5)),
              list(c(12, 1988), c(0.002, 0.998)))
list_of <- function(x) sprintf("[%s]", paste(sprintf("%.17g", x), collapse = ", "))
rows <- c()
for (case in cases) {
  n <- sum(case[[1]]); e <- n * case[[2]]
  exact <- min(e) < 5
  p <- if (exact) binom.test(case[[1]][1], n, case[[2]][1])$p.value else chisq.test(case[[1]], p = case[[2]])$p.value
  k <- length(e); powers <- sapply(seq_len(k), function(i) {
    q <- case[[2]]; q[i] <- 0.99 * q[i]; q <- q / sum(q)
    pchisq(qchisq(0.001, k - 1, lower.tail = FALSE), k - 1, ncp = n * (1 - 0.01 * case[[2]][i]) * sum((q - case[[2]])^2 / case[[2]]),
           lower.tail = FALSE)
  })
  rows <- c(rows, sprintf('    {"counts": %s, "shares": %s, "p": %.17g, "power": %.17g, "test": "%s"}', list_of(case[[1]]),
    list_of(case[[2]]), p, min(powers), if (exact) "exact_multinomial" else "chi_square"))
}
cat('{\n  "inputs": {"alarm": 0.001, "loss": 0.01},\n  "expected": [\n')
cat(paste(rows, collapse = ",\n"))
cat(sprintf('\n  ],\n  "rtol": 1e-6,\n  "atol": 1e-12,\n  "source": "R %s, stats::chisq.test, stats::binom.test, stats::pchisq(ncp), 2026-11-22"\n}\n', getRversion()))
