"""Personal links: how they are signed, and what each opens."""
