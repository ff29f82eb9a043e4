"""AWS: what is asked of it, in which account, as whom; and its errors as ours. boto3 is loaded where it is used."""
