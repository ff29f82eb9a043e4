"""``tradewind destroy``: plan the removal of an environment, or apply that plan."""

from __future__ import annotations

from tradewind.cli import infrastructure, options, terminal
from tradewind.cli.options import AllowDataLoss, Env, File, Wait, Yes
from tradewind.infrastructure.stack import environment_stack


def destroy(
    environment: Env,
    yes: Yes = False,
    allow_data_loss: AllowDataLoss = None,
    wait: Wait = 0,
    file: File = None,
) -> None:
    """Plan the removal of an environment, and show the plan. With --yes, apply the plan that was shown last."""
    project = options.project(file)
    tradewind, deployer = project.tradewind, project.deployer()
    stack = environment_stack(tradewind, environment)
    if yes:
        deployer.require_plan(stack, destroy=True)
        with infrastructure.progress(f"destroying {stack.title}") as listen:
            applied = options.when_free(
                wait, lambda: deployer.apply(stack, allow_data_loss or (), listen, destroy=True)
            )
        terminal.say(f"{stack.title} was destroyed: applied plan {applied}")
        return
    with infrastructure.progress(f"planning the removal of {stack.title}") as listen:
        planned = options.when_free(wait, lambda: deployer.plan(stack, listen, ["-destroy"]))
    infrastructure.show(stack.name, planned.summary, every=False)
    terminal.say(f"saved for destroy, instead of any earlier plan of {stack.title}: plan {planned.sha256}")
    flags = "".join(f" --allow-data-loss '{change.address}'" for change in planned.summary.losses)
    terminal.say(f"next, to destroy it: tradewind destroy -e {environment} --yes{flags}")
