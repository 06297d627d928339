"""One file a group of indicator functions, in TA-Lib's own groups and those that are derived from them."""
