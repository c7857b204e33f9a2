"""Which exceptions are a user's mistake: shown as one message, with exit code 2; anything else is a defect of ours."""

# By name: the packages that define these are slow to import, and one that was raised has been imported anyway.
MISTAKES = frozenset(
    {
        "db.errors.StoreError",
        "workers.problems.SpecProblem",
        "workers.cluster.ClusterProblem",
        "workers.line.KeeperAbsent",
        "workers.line.KeeperGone",
        "production.promote.PromotionError",
        "production.saved_model.SavedModelError",
        "ui.commands.UsageProblem",
        "ui.pictures.PictureProblem",
        "ui.serve.ServeProblem",
    }
)


def is_mistake(problem: BaseException) -> bool:
    """Whether `problem` is of one of these kinds, or of one that builds on it."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in MISTAKES for kind in type(problem).__mro__)
