locals {
  ranges = {
    public  = cidrsubnet(var.cidr, 2, 0)
    data    = cidrsubnet(var.cidr, 2, 1)
    private = cidrsubnet(var.cidr, 1, 1)
  }

  # Always eight pieces, however many are used: a new zone takes the next piece and moves no subnet.
  pieces = {
    for tier, range in local.ranges : tier => [for zone in range(var.zones) : cidrsubnet(range, 3, zone)]
  }
}
