"""What operators ask of an environment: is it as it was designed?"""
