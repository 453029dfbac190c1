"""Which parameters explain the data: quantities, terms, objectives, and what fits them."""
