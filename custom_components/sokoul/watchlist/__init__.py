"""What people want to watch, and what is to be done about it: pure, nobody is asked anything here."""
