"""The post-mortem (复盘): a recipe that turns a plan and its tables into a report; it calls and computes nothing."""
