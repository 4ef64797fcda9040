"""How fast, how small and how sparing seedream_nb is, next to what a user would write by hand.

    python -m tests.benchmarks                  # a quarter of an hour, from the repository's root; Markdown on stdout
    python -m tests.benchmarks --scene waiting  # one scene alone
    python -m pip install ipyplot               # what the scene `panel` needs besides the extra `test`, and Chromium
    python -m pip install requests-cache        # what the scene `library` needs besides
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

Panel: 1,000 finished tasks, whose records are there, each with a link of its own to one of a dozen such JPEGs on the
gallery's server. Each contender shows them in a JupyterLab of this environment, with a fresh kernel and a fresh browser
for every round; all modules are imported before in the kernel, and the front end loads what it lacks on the clock:

- `seedream_nb.explore`: has to fetch the originals and to make thumbnails while the clock runs.
- `ipywidgets.GridBox` with an `Image` for each task: is given thumbnails that are made already and lie in memory.
- `ipyplot.plot_images`: is given the same thumbnails as data URLs. It would turn arrays and Pillow's images into PNGs
  of many times the size.

`first screen` is the time from the key that runs the cell to the first frame in which every tile in sight has its
picture, as a probe in the page sees it; nobody else is connected to the browser meanwhile. `to the end` is the time to
scroll from there to the last tile, a screen at a time, each filled before the next. What does not come to an end within
two minutes counts with these, and is told. `sent` is what the kernel's websocket brings to the page. `memory` is the
resident memory of the kernel above what it was before the call, after everything was seen and garbage was collected;
the rivals' thumbnails were there before and do not count. `peak` is the highest that it was meanwhile. `models` is how
many widget models there are more than before.

Library: what is kept on the way is to cost nothing, and to be there at once the next time. The server is the gallery's;
what is kept goes into folders of the benchmark's own.

- First time: the gallery's 100 tasks by `%seedream get` into an empty library, beside the same with the library off and
  the gallery's limit.
- Again: the same cell once more in that kernel, and in a fresh one; the same for 1,000 tasks, of whose pictures only a
  part fits into the output. Beside it stands a second run of what a user would write: a loop over a session of
  `requests_cache`, which has remembered all answers in SQLite; and one that keeps each original in a file named by the
  hash of its link, as model hubs do, and makes the thumbnails again. `asked` and `fetched` are the requests that the
  service and the image host have received. `memory` is the peak above what there was before the cell; `imports` are
  not part of the time.
- Search: 100,000 records with prompts in five languages, each search done once in a fresh process, to the tasks of the
  first page. Beside it stands a loop over a folder of JSON files; it is measured on 10,000 of them, the newest, and
  charged with ten times as much. Adding: 200 records, one at a time, to libraries of 0, 1,000 and 100,000.
- Many ids: `client.retrieve_batch` into an empty library and without one, beside bare calls of `requests` in as many
  threads, which only decode the JSON. `memory` is the peak above what there was before, with all that was brought.

`processor` is the time that all threads of a contender have computed: it tells more than seconds on a busy machine.
"""
