"""The user's SQL: parsed once at load, rewritten per engine, refused where a meaning would change."""

# ruff: noqa: E501
