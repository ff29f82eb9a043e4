"""Small documents that nobody overwrites by mistake, and what is built on them: who may do something, alone."""
