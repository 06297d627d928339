"""What permits entries: filters that any strategy can be put behind."""
