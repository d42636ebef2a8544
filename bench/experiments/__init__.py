"""Published figures of the field and ours beside them: one experiment a file, one command for all.

How to add one. Write `bench/experiments/<name>.py` with a function `measure(settings: Settings) -> Findings` and a
constant

    EXPERIMENT = Experiment(
        name="my-row",                       # what a person types after `parallel-evm experiment`
        title="...", question="...",         # a line each
        published=(Published("what it is", "the text as printed", "Author 2020", low=1.0, high=2.0, unit="x"),),
        measure=measure,
    )

and name the module in `registry.MODULES`, in the order in which `all` runs and RESULTS.md shows them. `measure`
returns a `Findings`: `measured` maps the `what` of each published figure to our number (same unit; None where the data
cannot say), `tables` hold every row, slow ones too, `drawings` preformatted text, `sentence` one honest sentence about
the difference. The framework computes the difference, takes the seconds, prints, stores and writes RESULTS.md.

Rules: `settings.blocks()` gives recorded blocks, each executed sequentially once per process and shared by all; do
not execute them again without need. `settings.quick` asks for few small inputs (tests): seconds, not minutes.
`needs_data=False` where no recorded block is used. Nothing is rounded before it is in a table; no measured figure is
written down by hand; an exception is not caught: the framework records the row as failed and shows it.
"""
