"""The whole chain from one configuration: data, patches, normaliser, training, evaluation, card, report, document.

    chain = Chain(read_plan(Path("reproduce.toml")), data, runs, out)
    run_stages(chain, all_stages(chain), say)

Every stage writes its metrics as JSON into `out/figures`; `document` fills the marked places of docs/MODEL.md from
these files and the model's card, so that no number there is typed by hand. A finished stage is not done again while
what it is made of stays the same; one that was stopped goes on.

    plan        the configurations of all runs, read and checked
    stages      what there is to do, in order; chain: doing it, once
    measure     metrics that no other part of the laboratory writes: data, normaliser, unseen colours, speed
    metrics     a metric by its name; tables, document: how metrics stand in the text
    quick       the same chain on a few real frames and crops, with tiny budgets
"""
