# Reference values of base R for realised money. Run: Rscript generate.R > r_money.json
number <- function(x) ifelse(is.finite(x), sprintf("%.17g", x), "null")
value <- c(sapply(1:60, function(i) if (i %% 7 == 0) round(exp(2 * sin(i)) * 40, 2) else 0),
           sapply(1:25, function(i) if (i %% 6 == 0) round(exp(2 * cos(i)) * 30, 2) else 0))
arm <- c(rep("sms", 60), rep("holdout", 25))
cost <- ifelse(arm == "sms", 0.3 + ifelse(value > 0, 5, 0), 0)
net <- value - cost
rows <- c()
for (level in c(0.9, 0.95)) for (side in c("two", "greater", "less")) for (pooled in c(FALSE, TRUE)) {
  r <- t.test(net[arm == "sms"], net[arm == "holdout"], var.equal = pooled, conf.level = level,
              alternative = c(two = "two.sided", greater = "greater", less = "less")[[side]])
  rows <- c(rows, sprintf('    {"level": %s, "side": "%s", "reading": "%s", "p": %s, "low": %s, "high": %s}', level, side,
    if (pooled) "pooled" else "welch", number(r$p.value), number(r$conf.int[1]), number(r$conf.int[2])))
}
cat(sprintf('{\n  "inputs": {\n    "arm": ["%s"],\n    "value": [%s],\n    "cost": [%s]\n  },\n  "expected": [\n',
  paste(arm, collapse = '", "'), paste(value, collapse = ", "), paste(cost, collapse = ", ")))
cat(paste(rows, collapse = ",\n"))
cat(sprintf('\n  ],\n  "rtol": 1e-9,\n  "atol": 1e-11,\n  "source": "R %s, stats::t.test (Welch and var.equal), 2026-11-22"\n}\n', getRversion()))
