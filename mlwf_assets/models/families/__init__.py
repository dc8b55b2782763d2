"""The model families, one file each; `base` says what a family is, `registry` which there are."""
