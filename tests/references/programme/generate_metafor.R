# Random effects with independent and with correlated estimates: metafor's rma, rma.mv, blup and ranef.
# Run in this folder: Rscript generate_metafor.R
suppressMessages(library(metafor))
library(jsonlite)
cases <- list(
  schools = list(y = c(28, 8, -3, 7, -1, 1, 18, 12), v = c(15, 10, 16, 11, 9, 11, 10, 18)^2),
  spread = list(y = c(4.2, 1.1, 3.0, 6.5, 2.2), v = c(0.8, 1.2, 0.5, 2.0, 0.9)),
  wide = list(y = c(-0.31, 0.92, 1.75, 0.10, 2.40, -1.05), v = c(0.02, 0.05, 0.03, 0.01, 0.08, 0.04)),
  shared = list(y = c(4.2, 1.1, 3.0, 6.5, 2.2), v = c(0.8, 1.2, 0.5, 2.0, 0.9),
                pairs = list(c(1, 2, 0.4), c(2, 3, 0.3), c(4, 5, -0.2)))
)
read <- function(case) {
  n <- length(case$y)
  V <- diag(case$v)
  for (pair in case$pairs) V[pair[1], pair[2]] <- V[pair[2], pair[1]] <- pair[3]
  data <- data.frame(y = case$y, id = seq_len(n))
  fit <- rma.mv(y, V, random = ~ 1 | id, data = data, method = "REML", sparse = FALSE,
                control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15))
  drawn <- ranef(fit)[[1]]
  q <- fit$QE
  made <- list(spread = sqrt(fit$sigma2), mean = fit$b[1], mean_error = fit$se, effect = fit$b[1] + drawn$intrcpt,
               q = q, q_p = fit$QEp)
  if (is.null(case$pairs)) {
    given <- rma(case$y, case$v, tau2 = 2.5^2)
    predicted <- blup(given)
    made$given <- list(spread = 2.5, mean = given$b[1], mean_error = given$se, effect = predicted$pred,
                       error = predicted$se)
  }
  made
}
matrices <- lapply(cases, function(case) {
  V <- diag(case$v)
  for (pair in case$pairs) V[pair[1], pair[2]] <- V[pair[2], pair[1]] <- pair[3]
  list(estimates = case$y, covariance = V)
})
out <- list(inputs = matrices, expected = lapply(cases, read), rtol = 1e-5, atol = 1e-5,
            source = list(package = paste("metafor", packageVersion("metafor")), language = R.version.string,
                          functions = "rma.mv(REML, random = ~ 1 | id), ranef, rma(tau2 =), blup",
                          date = "2026-11-22"))
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "metafor.json")
