"""The settings of other tools, read so that nobody has to type them again."""
