output "names" {
  description = "The names by the same keys, none longer than its limit."
  value = {
    for key, name in var.names : key => (
      length(name.value) <= name.limit
      ? name.value
      # The cut may end in a dash, and two in a row are refused by ElastiCache and RDS.
      : "${trimsuffix(substr(name.value, 0, name.limit - 7), "-")}-${substr(sha256(name.value), 0, 6)}"
    )
  }
}
