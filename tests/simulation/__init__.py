"""Production's own protocol in random histories full of faults, judged by a checker that knows none of it."""
