"""Production's own protocol, driven through random histories in a world of faults, and judged by a checker that knows none of it."""
