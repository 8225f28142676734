# Additive LMDI-I of a chain of totals, in base R, on the formula of Ang (2005): sum over factors of L(V1, V0) ln(x1 / x0).
# Writes one JSON file per case. Run: Rscript lmdi.R <folder>
folder <- commandArgs(trailingOnly = TRUE)[1]
cases <- list(
  chain = list(before = c(1000, 200, 40, 80, 8000), after = c(1100, 330, 60, 120, 10800)),
  shrinking = list(before = c(52000, 21000, 1800, 2500, 310000.5), after = c(50100, 18900, 1950, 2450, 287654.25)),
  repurchase = list(before = c(1e6, 2e5, 3e4, 9000, 5.2e4, 4.1e6), after = c(1.05e6, 3.1e5, 3.3e4, 8000, 4.9e4, 4.3e6)),
  two = list(before = c(30, 10), after = c(40, 20))
)
number <- function(x) paste(sprintf("%.17g", x), collapse = ", ")
for (name in names(cases)) {
  one <- cases[[name]]
  factors <- function(t) c(t[1], t[-1] / t[-length(t)])
  v0 <- one$before[length(one$before)]
  v1 <- one$after[length(one$after)]
  parts <- (v1 - v0) / (log(v1) - log(v0)) * log(factors(one$after) / factors(one$before))
  text <- sprintf(paste0(
    '{\n  "inputs": {"before": [%s], "after": [%s]},\n  "expected": {"parts": [%s]},\n  "rtol": 1e-10,\n  "atol": 1e-9,\n',
    '  "source": {"package": "base R", "version": "%s", "function": "log, on the formula of Ang (2005), Energy Policy 33:867",',
    ' "date": "2026-11-22"}\n}\n'),
    number(one$before), number(one$after), number(parts), paste(R.version$major, R.version$minor, sep = "."))
  cat(text, file = file.path(folder, paste0("lmdi_", name, ".json")))
}
