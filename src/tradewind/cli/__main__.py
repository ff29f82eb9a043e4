"""``python -m tradewind.cli``."""

from tradewind.cli import main

main()
