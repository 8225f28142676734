"""The report: a document of results and its renderers. Renderers know results only and compute nothing."""
