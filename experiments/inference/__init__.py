"""Inference: small sufficient statistics in, estimates with intervals and p-values out."""
