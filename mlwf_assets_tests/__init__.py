"""Tests: the folders mirror mlwf_assets; e2e runs whole workflows and a real browser."""
