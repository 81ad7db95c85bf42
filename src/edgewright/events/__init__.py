"""Events on their way out of the house: to a webhook, and to those who listen."""
