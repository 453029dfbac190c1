"""What a person sees of a campaign: observers of a handle, folds over a ledger."""
