"""Benchmarks of seedream_nb against the code a user would write by hand.

    python -m tests.benchmarks                  # 15 minutes, from the repository's root; prints Markdown
    python -m tests.benchmarks --scene waiting  # a single scene
    python -m tests.benchmarks --write          # 8 minutes; writes docs/performance.md, one section for each scene
    python -m tests.benchmarks --rounds 9       # more rounds for steadier medians
    python -m tests.benchmarks --images plain   # smooth sandbox images instead of ones as detailed as photos
    python -m pip install ipyplot               # a contender of the scene `panel`, which requires Chromium
    python -m pip install requests-cache        # a contender of the scene `library`

In every scene, each round of each contender runs in a fresh process, against a server in another process. Contenders
take turns, so a busy machine slows all of them alike. The first table of a scene holds medians; the last compares
figures with their targets. "vs. seedream_nb", like every target that compares two contenders, is the median of the
ratios within each round. These are measurements, not tests: a missed target does not fail the command.

Gallery: 100 tasks with one 2048x2048 JPEG of about 500 KB each, from a server with 50 ms latency. Each contender
brings all 100 images into the output of a notebook cell:

- `%seedream get`: the magic in an IPython shell, from the line to the finished HTML and text.
- Loop: what a user would write, with `requests.post`, `requests.get`, and `IPython.display.Image` for each task.
- Lower bound: one batch request, then a bare pool of 16 threads that download the images, make thumbnails of the same
  size and quality with Pillow's defaults, and encode them as base64.
- Downloads only: the lower bound without thumbnails. It shows the share of the server and the latency.

"Time" runs from the call to the output, with all modules imported. "Imports" is the time to import them (IPython not
included), a cost of the first call only. "Memory" is the peak of the resident memory above that of the shell before
these imports. "In the notebook" is what the output adds to the notebook file. The cost of imports is also measured in
fresh kernels, alternating between `%load_ext seedream_nb` and `import requests`.

Waiting: 100 unfinished tasks in the sandbox. They finish at random times within 10 s, the same times for every
contender and round. Each contender waits until it knows that all are finished:

- `client.iter_wait`: one batch request for all unfinished tasks per polling interval, at the default pace.
- The service's SDK, all at once: `tasks.wait` of `acedatacloud` in one thread per task, so that each task is polled
  every 3 s, the SDK's default. The targets compare with this one.
- The service's SDK, one by one: `tasks.wait` for one task after another.
- Loop: what a user would write; queries each unfinished task in turn, sleeps 3 s, and starts over.

"Requests" counts what the server received. A delay is the time from the moment a task is finished on the server to the
moment the caller holds it, both read from the same clock. Latency matters for contenders that query one task after
another: with 50 ms per response, the loop sends fewer requests than without, and learns of results much later.

Panel: the records of 1,000 finished tasks, each with its own link to one of a dozen such JPEGs on the gallery's server.
Each contender shows them in JupyterLab, with a fresh kernel and a fresh browser for every round. The kernel has
imported all modules beforehand; what the front end has to load counts:

- `seedream_nb.explore`: downloads originals and makes thumbnails while the clock runs, or finds both in the library.
- `ipywidgets.GridBox` with one `Image` per task: downloads and shrinks first, or receives thumbnails from memory.
- `ipyplot.plot_images`: receives the same thumbnails as data URLs. It would turn arrays and Pillow images into PNG
  files many times larger.

"First screen" is the time from the key press that runs the cell to the first frame in which every visible tile has its
image, as seen by a probe in the page; nothing else is connected to the browser meanwhile. "To the end" is the time to
scroll from there to the last tile, one screen at a time, each filled before the next. What takes more than two minutes
counts as two minutes and is reported as such. "Sent to the browser" is what the page receives on the kernel's
websocket. "Memory" is the resident memory of the kernel above that before the call, after everything has been shown and
garbage has been collected; thumbnails already in memory do not count. "Peak" is its maximum meanwhile. "Widget models"
is the number of widget models created.

Library: storing everything should cost next to nothing, and make it available at once the next time. The server is the
gallery's; stored data goes into temporary folders.

- First run: the gallery's 100 tasks by `%seedream get` into an empty library, compared with the library off and with
  the gallery's lower bound.
- Second run: the same cell again in that kernel and in a new one; the same for 1,000 tasks, of which only some images
  fit into the output. Compared with the second run of what a user would write: a loop over a session of
  `requests_cache`, which stores all responses in SQLite, and a loop that stores each original in a file named by the
  hash of its link, as model hubs do, and makes the thumbnails again. "Requests" counts what the service and the image
  host received. "Memory" is the peak above that before the cell; imports do not count toward the time.
- Search: 100,000 records with prompts in five languages. Each search runs once in a fresh process and returns the tasks
  of the first page. Compared with a loop over a folder of JSON files, measured on the newest 10,000 and multiplied by
  ten. Adding: 200 records, one at a time, to libraries of 0, 1,000, and 100,000.
- Many ids: `client.retrieve_batch` with an empty library and without one, compared with bare calls of `requests` in as
  many threads, which only decode the JSON. "Memory" is the peak above that before the call, including the results.

Ledger: what paying once costs. Paid requests to the sandbox with and without a library, in pairs; the steps of a paid
request in a ledger of 1,000,000 purchases; and a finished sweep of 40 requests, run again by another client.

Cluster: 48 of those JPEGs become WebP files of at most 1024 pixels on a Dask cluster of processes on this machine, with
one worker and with two. Below that, what each step of a run and of an export takes for an image, in processor time of
the process that does it, which `docs/explanation/runs_at_scale.md` calculates with.

Datasets: 1,000 images like the gallery's, exported from the files of a library, compared with copying these files one
after the other; and exported from their links, compared with a bare pool of 16 threads that downloads them into files.
The exports also compute the checksum of every image, and write records and manifests. A machine that is busy with other
work slows them more than the copying: they need twice its processor time, in two threads.

Catalog: a library of 100,000 records. The processor time to find and sort all of its cards and to read a screen of
them, and what a panel costs in the kernel until its first screen can be drawn, compared with pages of
`ipywidgets.Image`. Of tools outside notebooks, `sd-webui-infinite-image-browsing` was in no package registry, and
`fiftyone` did not install within five minutes.

"CPU" is the processor time of all threads of a contender; on a busy machine it tells more than seconds.
"""
