"""What people want to watch: the rules, from dates to the next step."""
