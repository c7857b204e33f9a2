"""Experiments on a local or remote Ray: what to train (experiment), who trains it (keeper), what comes of it (predict).

The doors other rooms use:

    workers.problems     SpecProblem: a user's mistake, in one message
    workers.experiment   Experiment: the spec of a run, from YAML or from a form
    workers.check        check: every user's mistake is found before a run is created
    workers.launch       launch, stop, wait, experiments
    workers.writing      writing: the store's writer, wherever it lives
    workers.promotion    promote, set_alias, remove_alias
    workers.predict      predict: a promoted model on new data, without `research`
    workers.datasets     load: the data of a spec

Importing any of them starts nothing.
"""
