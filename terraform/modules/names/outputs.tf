output "names" {
  description = "The names by the keys of the input, each within its limit."
  value = {
    for key, name in var.names : key => (
      length(name.value) <= name.limit
      ? name.value
      # The cut may end in a dash, and ElastiCache and RDS refuse two dashes in a row.
      : "${trimsuffix(substr(name.value, 0, name.limit - 7), "-")}-${substr(sha256(name.value), 0, 6)}"
    )
  }
}
