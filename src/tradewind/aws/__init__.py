"""AWS: calls, accounts, roles, and boto3's errors as TradewindError. Only modules that use boto3 import it."""
