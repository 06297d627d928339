"""One file a group of cached columns: an indicator function with its parameters fixed, under the name people query."""
