"""The rules of healing: each one a pure module that says what is wrong with a download, and what would help."""
