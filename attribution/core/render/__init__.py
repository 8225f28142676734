"""One place that turns a result's tables into text, HTML and Markdown, and escapes what comes from data."""
