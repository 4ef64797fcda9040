"""How fast, how small and how cheap to load the gallery is, next to what a user would write by hand.

    python -m tests.benchmarks                  # about two minutes, from the repository's root; Markdown on stdout
    python -m tests.benchmarks --rounds 9       # more rounds, steadier medians
    python -m tests.benchmarks --pictures plain # the painter's smooth pictures instead of ones as detailed as photos

The scene: 100 tasks with one 2048x2048 JPEG of about 500 KB each, on a server in a process of its own that waits 50 ms
before every answer. Each contender brings all 100 into a notebook's output, in a fresh process for every round; the
rounds of all contenders take turns, so that a busy machine slows all alike:

- `%seedream get`: the magic in an IPython shell, from the line to the finished HTML and text.
- the plain loop: what a user would write; `requests.post` and `requests.get` per task, `IPython.display.Image`.
- the limit: one batch query and a bare pool of 16 threads that fetch, make thumbnails of the same size and quality with
  Pillow's own defaults, and base64 them.
- downloads alone: as the limit without thumbnails. It shows how much of the time is the server and the latency.

How to read it: the first table holds medians. `work` is the time from call to output with all modules imported before;
`imports` is what loading them took (IPython itself not counted), a cost of the first call only. `memory` is the peak of
the resident memory above what the shell had before these imports. `output` is what the notebook's file grows by.
`next to ours` and the two goals of time are medians of the ratios within each round.
The second table sets each figure next to its goal. It is a measurement, not a test: the command succeeds either way.

The import cost is measured in fresh, real kernels: the time of `%load_ext seedream_nb` in one, of `import requests` in
the next, in turns.
"""
