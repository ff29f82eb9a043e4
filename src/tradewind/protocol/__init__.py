"""What the operator's side and the controller say to each other, and where."""
