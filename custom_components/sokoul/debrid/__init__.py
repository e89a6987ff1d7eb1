"""Real-Debrid: the mirror of an account, its repair, and the links that lead into it. No Home Assistant."""
