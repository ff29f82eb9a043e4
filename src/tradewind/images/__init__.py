"""Container images: one for each component, built if its content has changed, named by its digest."""
