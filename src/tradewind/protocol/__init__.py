"""The messages between the operator's side and the controller, and where they are stored."""
