"""What is shipped: one image for each component, built when its content changed, known by its digest."""
