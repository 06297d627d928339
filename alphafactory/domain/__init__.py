"""What things are: plain value types that every stage speaks. No input, no output, no computation of results."""
