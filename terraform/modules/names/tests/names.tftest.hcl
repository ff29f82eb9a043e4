variables {
  names = {
    short    = { value = "acme-dev-web", limit = 32 }
    exact    = { value = "acme-development-environment-web", limit = 32 }
    long     = { value = "acme-development-environment-webs", limit = 32 }
    sibling  = { value = "acme-development-environment-webt", limit = 32 }
    dash     = { value = "acme-development-environ-ment-web", limit = 32 }
    smallest = { value = "abcdefghi", limit = 8 }
  }
}

run "a_name_that_fits_is_unchanged" {
  command = plan

  assert {
    condition     = output.names["short"] == "acme-dev-web"
    error_message = "A name below its limit must stay unchanged."
  }

  assert {
    condition     = output.names["exact"] == "acme-development-environment-web"
    error_message = "A name of exactly its limit must stay unchanged."
  }
}

run "a_longer_name_is_cut_and_ends_in_its_hash" {
  command = plan

  assert {
    condition     = output.names["long"] == "acme-development-environm-${substr(sha256(var.names["long"].value), 0, 6)}"
    error_message = "A long name must be cut and end in six digits of its own hash."
  }

  assert {
    condition     = output.names["long"] != output.names["sibling"]
    error_message = "Names that differ only after the cut must stay different."
  }

  assert {
    condition     = alltrue([for key, name in var.names : length(output.names[key]) <= name.limit])
    error_message = "No name may exceed its limit."
  }
}

run "dashes_stay_single" {
  command = plan

  assert {
    condition     = output.names["dash"] == "acme-development-environ-${substr(sha256(var.names["dash"].value), 0, 6)}"
    error_message = "If the cut is after a dash, there must be one dash, not two."
  }

  assert {
    condition     = alltrue([for name in values(output.names) : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", name))])
    error_message = "No name may start or end with a dash, or have two in a row."
  }
}

run "the_same_names_come_out_for_every_key" {
  command = plan

  variables {
    names = {
      one = { value = "acme-development-environment-webs", limit = 32 }
      two = { value = "acme-development-environment-webs", limit = 32 }
    }
  }

  assert {
    condition     = output.names["one"] == output.names["two"]
    error_message = "A name must depend on nothing but its value and limit."
  }
}

run "two_dashes_are_refused" {
  command = plan

  variables {
    names = { one = { value = "acme--dev", limit = 32 } }
  }

  expect_failures = [var.names]
}

run "a_dash_at_the_end_is_refused" {
  command = plan

  variables {
    names = { one = { value = "acme-dev-", limit = 32 } }
  }

  expect_failures = [var.names]
}

run "a_limit_without_room_for_the_hash_is_refused" {
  command = plan

  variables {
    names = { one = { value = "acme", limit = 7 } }
  }

  expect_failures = [var.names]
}

run "half_a_character_is_refused" {
  command = plan

  variables {
    names = { one = { value = "acme", limit = 32.5 } }
  }

  expect_failures = [var.names]
}
