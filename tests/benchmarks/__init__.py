"""How fast, how small and how sparing seedream_nb is, next to what a user would write by hand.

    python -m tests.benchmarks                  # about six minutes, from the repository's root; Markdown on stdout
    python -m tests.benchmarks --scene waiting  # one scene alone
    python -m tests.benchmarks --rounds 9       # more rounds, steadier medians
    python -m tests.benchmarks --pictures plain # the painter's smooth pictures instead of ones as detailed as photos

In every scene each contender runs in a fresh process for every round, against a server in a process of its own; the
rounds of all contenders take turns, so that a busy machine slows all alike. The first table of a scene holds medians,
the second sets figures next to their goals; what is called `next to ours`, and every goal that compares two contenders,
is the median of the ratios within each round. It is a measurement, not a test: the command succeeds either way.

Gallery: 100 tasks with one 2048x2048 JPEG of about 500 KB each, on a server that waits 50 ms before every answer. Each
contender brings all 100 into a notebook's output:

- `%seedream get`: the magic in an IPython shell, from the line to the finished HTML and text.
- the plain loop: what a user would write; `requests.post` and `requests.get` per task, `IPython.display.Image`.
- the limit: one batch query and a bare pool of 16 threads that fetch, make thumbnails of the same size and quality with
  Pillow's own defaults, and base64 them.
- downloads alone: as the limit without thumbnails. It shows how much of the time is the server and the latency.

`work` is the time from call to output with all modules imported before; `imports` is what loading them took (IPython
itself not counted), a cost of the first call only. `memory` is the peak of the resident memory above what the shell had
before these imports. `output` is what the notebook's file grows by. The import cost is measured in fresh, real kernels:
the time of `%load_ext seedream_nb` in one, of `import requests` in the next, in turns.

Waiting: 100 pending tasks on a sandbox; they finish at random moments over 10 s, the same ones for every contender and
round. Each contender waits until it knows that all are finished:

- `client.iter_wait`: one question for all open tasks at a time, at the default pace.
- the vendor's SDK at once: `tasks.wait` of `acedatacloud` in a thread for each task, so that each is asked every 3 s,
  its default. This is what the goals compare with.
- the vendor's SDK: `tasks.wait` for one task after the other.
- the plain loop: what a user would write; asks for each open task in turn, sleeps 3 s, and begins again.

`requests` is what the server has received. A `delay` is the time from the moment at which a task was ready on the
server to the moment at which the caller held it; both are read from the same machine's clock. Latency counts for those
that ask for one task after the other: with 50 ms before every answer the plain loop makes fewer questions than without,
and learns much later.
"""
